"""SAM 3D Body: no SMPL in it, so the pose is solved for its points; the place is the tool's."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import reader_cases as cases
import torch
from diffopt_core.data.skeleton import BLAZEPOSE33, JOINT
from diffopt_core.errors import BadInput
from diffopt_core.host.registry import Registry
from diffopt_core.host.testing import InitializerContract
from diffopt_core.parts.bodies.anny24 import load
from diffopt_core.types import CameraTrajectory, Observations
from diffopt_formats.sam3d import POINTS, read
from diffopt_formats.systems import read_tracks
from diffopt_inits.rest import rest_body
from scipy.spatial.transform import Rotation


def people(k: cases.Known) -> tuple[list[dict], np.ndarray]:
    """One person per frame, as the estimator returns it, and the 33 points in the camera frame."""
    rest = rest_body(load(), None)
    pose = torch.from_numpy(k.pose.copy()).float()
    pose[:, 0] = torch.from_numpy(k.orient_cam).float()
    points = rest.pose(pose)[2]
    seventy = np.zeros((k.n, 70, 3))
    for name, index in POINTS.items():
        seventy[:, index] = points[:, BLAZEPOSE33.index(name)].numpy()
    out = []
    for i in range(k.n):
        centre = np.array([0.01, -0.3, 0.02])  # the model's own origin is not the pelvis
        out.append({
            "bbox": np.array([100.0, 50, 200, 400]), "focal_length": np.float32(cases.FOCAL),
            "pred_keypoints_3d": (seventy[i] - centre).astype(np.float32),
            "pred_cam_t": (k.pelvis_cam[i] + centre).astype(np.float32),
            "pred_vertices": np.zeros((3, 3), np.float32), "body_pose_params": np.zeros(133),
            "shape_params": np.zeros(45), "global_rot": np.zeros(3), "mask": None,
        })  # fmt: skip
    return out, points.numpy() + k.pelvis_cam[:, None]


def camera_of(n, focal=cases.FOCAL):
    centre = torch.tensor(cases.SIZE).float() / 2
    eye = torch.eye(3).expand(n, 3, 3)
    return CameraTrajectory(eye, torch.zeros(n, 3), torch.full((n, 2), focal), centre.expand(n, 2))


def initialize(file, n, focal=cases.FOCAL, **clip):
    registry = Registry.load()

    ctx = registry.context()
    built = registry.build("initializer", "sam3d", {"file": str(file), "steps": 20}, ctx)
    none = Observations(torch.zeros(n, 17, 3), "coco17", torch.ones(n, dtype=torch.bool))
    return built.initialize(cases.clip_of(n, **clip), none, camera_of(n, focal))


def calm(n: int = 16) -> cases.Known:
    """Somebody who walks with a straight trunk: landmarks say little of a spine's bends."""
    k = cases.make(1, n=n)
    swing = np.sin(np.linspace(0, 4, n))
    bends = np.zeros((n, 24, 3))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        bends[:, JOINT[f"{side}_hip"], 0] = 0.4 * sign * swing - 0.1
        bends[:, JOINT[f"{side}_knee"], 0] = 0.6 + 0.3 * sign * swing
        bends[:, JOINT[f"{side}_shoulder"], 2] = -1.1 * sign
        bends[:, JOINT[f"{side}_elbow"], 1] = -0.5 * sign
    k.pose[:, 1:] = Rotation.from_rotvec(bends[:, 1:].reshape(-1, 3)).as_matrix().reshape(n, 23, 3, 3)
    return k


@pytest.fixture
def k():
    return calm()


@pytest.mark.parametrize("form", ["list of lists", "list", "dict", "stacked", "npy"])
def test_pose_and_place(k, form, tmp_path, caplog):
    frames, points = people(k)
    file = tmp_path / "sam3d.pkl"
    held = {
        "list of lists": [[one] for one in frames],
        "list": frames,
        "dict": {f"{i:06d}.jpg": [one] for i, one in enumerate(frames)},
        "stacked": {key: np.stack([one[key] for one in frames]) for key in frames[0] if key != "mask"},
        "npy": [[one] for one in frames],
    }[form]
    if form == "npy":
        file = tmp_path / "sam3d.npy"
        np.save(file, np.array(held, dtype=object))
    else:
        file.write_bytes(pickle.dumps(held))
    body = initialize(file, k.n)
    pose = torch.cat([body.global_orient[:, None], body.body_pose], 1)
    got = rest_body(load(), None).pose(pose)[2].numpy() + body.transl.numpy()[:, None]
    error = np.linalg.norm(got - points, axis=-1)[:, 11:]  # the face rides on the head
    assert error.mean() < 0.035, f"points are off by {error.mean() * 1000:.0f} mm"
    hips = [BLAZEPOSE33.index("left_hip"), BLAZEPOSE33.index("right_hip")]
    np.testing.assert_allclose(got[:, hips].mean(1), points[:, hips].mean(1), atol=1e-3)
    assert "MHR" in caplog.text and body.betas.abs().max() == 0


def test_another_focal_length_moves_it_along_its_rays(k, tmp_path):
    file = tmp_path / "s.pkl"
    file.write_bytes(pickle.dumps([[one] for one in people(k)[0]]))
    near, far = initialize(file, k.n), initialize(file, k.n, focal=2 * cases.FOCAL)
    ratio = far.transl[:, 2] / near.transl[:, 2]
    assert (ratio - 2).abs().max() < 0.05


def test_several_people_gaps_and_counts(k, tmp_path, caplog):
    frames, _ = people(k)
    small = [{**one, "bbox": np.array([0.0, 0, 10, 20]), "pred_cam_t": one["pred_cam_t"] * 3} for one in frames]
    held = [[b, a] if i != 5 else [] for i, (a, b) in enumerate(zip(frames, small, strict=True))]
    file = tmp_path / "s.pkl"
    file.write_bytes(pickle.dumps(held))
    points = read(file)
    assert points.people == 2 and points.total == k.n and 5 not in points.frames
    np.testing.assert_allclose(points.points[0, 0], frames[0]["pred_keypoints_3d"][0] + frames[0]["pred_cam_t"])
    assert "no track ids" in caplog.text
    assert initialize(file, k.n).facts["filled"] == [5]
    with pytest.raises(BadInput, match="16 frames, the clip has 9"):
        initialize(file, 9)


@pytest.mark.parametrize(
    ("edit", "match"),
    [
        (lambda one: one.pop("pred_cam_t"), "pred_cam_t: missing"),
        (lambda one: one.update(pred_keypoints_3d=np.zeros((17, 3))), "17 points, expected 70"),
        (lambda one: one.update(pred_cam_t=np.full(3, np.nan)), "not finite"),
    ],
)
def test_bad_people_are_named(k, edit, match, tmp_path):
    frames, _ = people(k)
    edit(frames[3])
    (tmp_path / "s.pkl").write_bytes(pickle.dumps([[one] for one in frames]))
    with pytest.raises(BadInput, match=match):
        read(tmp_path / "s.pkl")


def test_convert_says_what_stands_in_the_way(k, tmp_path):
    (tmp_path / "s.pkl").write_bytes(pickle.dumps({"0": [people(k)[0][0]]}))
    with pytest.raises(BadInput, match=r"MHR is not SMPL.*--init sam3d=FILE"):
        read_tracks(tmp_path / "s.pkl")


class TestSam3d(InitializerContract):
    name = "sam3d"

    @pytest.fixture(autouse=True)
    def file(self, tmp_path_factory):
        file = tmp_path_factory.mktemp("sam3d") / "s.pkl"
        file.write_bytes(pickle.dumps([[one] for one in people(calm(12))[0]]))
        type(self).options = {"file": file, "steps": 2}


def test_mhr_params_of_video_to_data(k, tmp_path):
    """nvidia-isaac/video_to_data, estimate_mhr_params.py: export_mhr_outputs carries all points and says so."""
    frames, _ = people(k)
    stacked = {key: torch.tensor(np.stack([one[key] for one in frames])) for key in frames[0] if key != "mask"}
    plain = tmp_path / "outputs.pt"
    torch.save(stacked, plain)
    cam_t, native = stacked["pred_cam_t"], stacked["pred_cam_t"].clone()
    native[..., [1, 2]] *= -1
    model = torch.zeros(k.n, 204)
    model[:, 0:3] = native * 10
    held = {
        "global_rot": stacked["global_rot"], "body_pose_params": stacked["body_pose_params"],
        "shape_params": stacked["shape_params"], "pred_cam_t": cam_t, "focal_length": stacked["focal_length"],
        "pred_keypoints_3d": stacked["pred_keypoints_3d"] + cam_t[:, None, :], "mhr_model_params": model,
    }  # fmt: skip
    file = tmp_path / "mhr_params.pt"
    torch.save(held, file)
    np.testing.assert_allclose(read(file).points, read(plain).points, atol=1e-5)
    torch.save({key: value for key, value in held.items() if key != "focal_length"}, file)
    with pytest.raises(BadInput, match="several calibrated views"):
        read(file)


def test_a_list_over_the_frames_of_a_video_as_json(k, tmp_path):
    """What ComfyUI nodes and scripts leave of the estimator's lists: arrays as lists."""
    frames, _ = people(k)
    plain, file = tmp_path / "s.pkl", tmp_path / "s.json"
    plain.write_bytes(pickle.dumps([[one] for one in frames]))
    rows = [[{key: np.asarray(v).tolist() for key, v in one.items() if v is not None}] for one in frames]
    file.write_text(json.dumps(rows))
    np.testing.assert_allclose(read(file).points, read(plain).points, atol=1e-6)
    body = initialize(file, k.n)
    assert body.facts["tool"] == "SAM 3D Body" and body.transl.isfinite().all()
