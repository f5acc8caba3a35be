"""A sequence written in EMDB's schema from a known motion gives back that motion."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffopt_core.data.geometry import project, world_to_camera
from diffopt_core.data.rotation import matrix_to_axis_angle
from diffopt_core.host.testing import CameraContract, DatasetContract
from diffopt_core.parts.metrics.evaluate import report
from diffopt_inits.emdb.config import EmdbConfig
from diffopt_inits.emdb.read import gendered_body
from emdb_cases import SIZE, joints_of, sequence, stand_in, write


def load(path, **options):
    return EmdbConfig(**options).build(None).load(path)  # type: ignore[arg-type]


class TestContract(DatasetContract):
    name = "emdb"

    def sample(self, folder):
        return write(folder, sequence({"female": stand_in("female")})[0])


class TestTrueCamera(CameraContract):
    name = "gt"

    def clip(self, folder):
        clip = load(write(folder, sequence({"female": stand_in("female")})[0]), keypoints="truth")
        camera = self.build().trajectory(clip, clip.observations)
        assert camera.metric and camera.level
        return clip


@pytest.mark.parametrize("gender", ["male", "female", "neutral"])
def test_truth_is_the_known_motion(models, tmp_path, gender):
    data, joints = sequence(models, gender=gender)
    truth = load(write(tmp_path, data)).truth
    assert np.abs(truth.joints.numpy() - joints).max() < 1e-4
    assert np.abs(truth.motion.trans.numpy() - joints[:, 0]).max() < 1e-4, "the pelvis, not SMPL's transl"
    assert np.abs(truth.motion.trans.numpy() - data["smpl"]["trans"]).max() > 0.1
    pose = np.concatenate([data["smpl"]["poses_root"], data["smpl"]["poses_body"]], 1).reshape(-1, 24, 3)
    assert np.abs(matrix_to_axis_angle(truth.motion.pose).numpy() - pose).max() < 1e-3
    assert truth.motion.betas_of == ("smpl" if gender == "neutral" else f"smpl-{gender}")
    other = joints_of(models["male" if gender != "male" else "female"], data["smpl"])
    assert np.abs(truth.joints.numpy() - other).max() > 0.01, "genders differ, so the right one was taken"


def test_camera_sees_the_true_joints_where_the_file_has_them(models, tmp_path):
    data, _ = sequence(models)
    clip = load(write(tmp_path, data))
    camera = clip.truth.camera
    seen = project(world_to_camera(clip.truth.joints, camera.R, camera.t), camera.focal, camera.centre)
    assert np.abs(seen.numpy() - data["kp2d"]).max() < 0.1
    assert clip.facts["reprojection_px"] < 0.1
    assert camera.metric and camera.level and clip.camera is None and clip.body is None
    K = data["camera"]["intrinsics"]
    assert clip.focal == pytest.approx((K[0, 0] + K[1, 1]) / 2) and "calibration" in clip.focal_from
    assert load(clip.path, calibration=False).focal is None


def test_whole_sequence(models, tmp_path, caplog):
    data, _ = sequence(models)
    path = write(tmp_path, data, images=24)
    clip = load(path.parent)
    assert (clip.name, clip.num_frames, clip.fps, clip.size) == ("P8_62_outdoor_walk", 24, 30.0, SIZE)
    assert clip.video.path == path.parent / "images" and clip.video.frames == tuple(range(24))
    assert clip.observations is None, "2D keypoints are truth here, and no evidence"
    assert clip.truth.good.tolist() == data["good_frames_mask"].tolist()
    assert torch.equal(clip.truth.boxes.isnan().any(1), ~clip.truth.good)
    assert not caplog.records
    assert load(path).sha256 == clip.sha256


def test_a_part_of_a_sequence(models, tmp_path):
    data, joints = sequence(models)
    path = write(tmp_path, data, images=24)
    address = path.with_name(path.name + "#4:16")
    clip = load(address)
    assert clip.name == "P8_62_outdoor_walk_00004_00016" and clip.num_frames == 12
    assert clip.path == address, "a run that is repeated has to find it again"
    assert clip.video.frames == tuple(range(4, 16))
    assert np.abs(clip.truth.joints.numpy() - joints[4:16]).max() < 1e-4
    assert len(clip.truth.camera.t) == len(clip.truth.motion.pose) == len(clip.truth.boxes) == 12
    assert clip.truth.good.tolist() == data["good_frames_mask"][4:16].tolist()
    assert clip.sha256 != load(path).sha256
    assert load(path.with_name(path.name + "#20:")).num_frames == 4
    assert load(path.parent.with_name(path.parent.name + "#:5")).num_frames == 5


def test_smaller_images_of_one_sequence(models, tmp_path):
    name, size = "P0_09_outdoor_walk", (720, 960)
    data, _ = sequence(models, name, 6, size=size, emdb2=True)
    data["good_frames_mask"][:] = True
    data["bboxes"]["invalid_idxs"] = np.zeros(0)  # as numpy writes an empty list: float
    clip = load(write(tmp_path, data, name, images=6, size=size))
    assert clip.size == size == clip.video.size and clip.truth.good.all()


def test_truth_as_keypoints_is_said_to_be_one(models, tmp_path, caplog):
    data, _ = sequence(models)
    data["kp2d"][5] = np.nan  # not a good frame
    data["camera"]["width"] = int(np.quantile(data["kp2d"][8, :, 0], 0.5))  # half of them beyond the image
    seen = load(write(tmp_path, data), keypoints="truth").observations
    assert seen.layout == "smpl24" and seen.keypoints.isfinite().all()
    assert seen.valid.tolist() == data["good_frames_mask"].tolist()
    inside = seen.keypoints[8, :, 2] > 0
    assert 8 < inside.sum() < 16 and set(seen.keypoints[..., 2].unique().tolist()) == {0.0, 1.0}
    assert np.abs(seen.keypoints[8, inside, :2].numpy() - data["kp2d"][8][inside.numpy()]).max() < 1e-3
    assert "projected truth" in caplog.text


@pytest.mark.slow
def test_scores_leave_bad_frames_out_and_know_the_gendered_mesh(models, smpl, tmp_path):
    data, _ = sequence(models)
    clip = load(write(tmp_path, data))
    names = ["rigid_clip", "camera_pelvis", "mpvpe", "RTE"]
    body, truth = gendered_body(smpl, "female", ""), clip.truth
    perfect = report(clip, truth.motion, body, names, truth.camera)
    assert not perfect.missing and max(perfect.values.values()) < 0.1
    spoilt = truth.motion.trans.clone()
    spoilt[~truth.good] += 50.0
    assert report(clip, replace(truth.motion, trans=spoilt), body, names, truth.camera).values == perfect.values
    neutral = gendered_body(smpl, "neutral", "")
    other = report(clip, replace(truth.motion, betas_of="smpl"), neutral, names, truth.camera)
    assert other.values["mpvpe"] > 5 and not other.missing, "the true mesh is the female one whoever is scored"


@pytest.mark.slow
def test_without_truth_no_smpl_file_is_needed(models, tmp_path, monkeypatch):
    monkeypatch.delenv("DIFFOPT_SMPL")
    clip = load(write(tmp_path, sequence(models)[0], images=24), truth=False)
    assert clip.truth is None and clip.video is not None and clip.focal is not None


def test_flags_that_differ_from_the_lists_are_said(models, tmp_path, caplog):
    name = "P4_37_outdoor_run_circle"
    with caplog.at_level(logging.WARNING):
        load(write(tmp_path, sequence(models, name, emdb1=True)[0], name))
    assert "not in the published list of emdb1, but its file says in" in caplog.text
    assert "in the published list of emdb2, but its file says not in" in caplog.text
