"""Exporters: what went in can be read back, with every convention beside it, whole or not at all."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix, geodesic
from diffopt_core.errors import DiffOptError
from diffopt_core.parts.assumed import marked
from diffopt_core.parts.datasets.case_file import clip_of
from diffopt_core.parts.datasets.configs import AmassConfig
from diffopt_core.parts.datasets.motion_file import load_motion
from diffopt_core.parts.datasets.simulator.simulate import simulate
from diffopt_core.parts.demo_motion import demo_clip
from diffopt_core.parts.exporters import JsonExporter, NpzExporter
from diffopt_core.results.saved import read_result
from diffopt_core.types import HumanMotion, Result, Spread, Status

WORDS = ("axes", "unit", "rotations", "transl_is", "camera_direction", "body_model", "betas_of", "contact_of",
         "scale", "assumed")  # fmt: skip


@pytest.fixture(scope="module")
def result() -> Result:
    walker = demo_clip(frames=30)
    clip = clip_of(simulate(walker, seed=0)[0], "walk")
    motion = HumanMotion(walker.truth.motion.pose, walker.truth.motion.trans, torch.full((10,), 0.25), "smpl")
    return Result(
        clip=clip, motion=motion, camera=clip.camera, joints=walker.truth.joints, initial=motion,
        initial_camera=clip.camera, initial_joints=walker.truth.joints, status=Status.FINISHED, recipe={}, log={},
        provenance={}, body_model="stick", metrics={"rigid_clip": {"joints": 123.456789}},
    )  # fmt: skip


def test_npz_round_trip(result, tmp_path):
    (path,) = NpzExporter().export(result, tmp_path / "new" / "folder")
    assert path.name == "motion.npz" and [p.name for p in path.parent.iterdir()] == ["motion.npz"]
    with np.load(path, allow_pickle=False) as archive:
        arrays = dict(archive)
    shapes = {
        "joints": (30, 24, 3), "global_orient": (30, 3), "body_pose": (30, 23, 3), "transl": (30, 3), "betas": (10,),
        "cam_R": (30, 3, 3), "cam_t": (30, 3), "cam_focal": (30, 2), "cam_centre": (30, 2), "fps": (),
    }  # fmt: skip
    for key, shape in shapes.items():
        assert arrays[key].shape == shape and arrays[key].dtype == np.float32, key
    assert all(str(arrays[word]) for word in WORDS)
    assert "Y up" in str(arrays["axes"]) and "x_cam" in str(arrays["camera_direction"])
    assert np.array_equal(arrays["joints"], result.joints.numpy())
    again = axis_angle_to_matrix(torch.from_numpy(arrays["body_pose"]))
    assert geodesic(again, result.motion.pose[:, 1:]).max() < 2e-3
    clip = load_motion(path, AmassConfig())
    assert torch.allclose(clip.truth.joints, result.joints, atol=1e-4), "a result is motion for the simulator"


def test_json_holds_the_same(result, tmp_path):
    NpzExporter().export(result, tmp_path)
    (path,) = JsonExporter().export(result, tmp_path)
    content = json.loads(path.read_text())
    assert content["name"] == "walk" and content["status"] == "finished"
    assert content["metrics"] == {"rigid_clip": {"joints": 123.45679}}
    assert set(content["conventions"]) == set(WORDS)
    with np.load(tmp_path / "motion.npz") as archive:
        for key in set(archive.files) - set(WORDS):
            assert np.allclose(np.array(content[key], float), archive[key], atol=1e-4), key


def test_not_a_number_is_null(result, tmp_path):
    broken = replace(result, joints=result.joints * float("nan"), status=Status.DIVERGED)
    (path,) = JsonExporter().export(broken, tmp_path)

    def constant(name: str) -> float:
        raise AssertionError(f"{name} is not JSON")

    content = json.loads(path.read_text(), parse_constant=constant)
    assert content["joints"][0][0] == [None, None, None] and content["status"] == "diverged"


@pytest.mark.parametrize("exporter", [NpzExporter(), JsonExporter()])
def test_unusable_folder_is_named(result, tmp_path, exporter):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DiffOptError, match="file"):
        exporter.export(result, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "in the way"


def test_forbidden_folder_is_named(result, forbidden):
    with pytest.raises(DiffOptError, match=forbidden.name):
        NpzExporter().export(result, forbidden)


def test_a_failed_write_leaves_the_old_file(result, tmp_path, monkeypatch):
    (path,) = NpzExporter().export(result, tmp_path)
    before = path.read_bytes()

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full)
    with pytest.raises(DiffOptError, match="No space left"):
        NpzExporter().export(result, tmp_path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_frames_say_whether_they_were_seen(result, tmp_path):
    """valid, bridged, contact and bands go where the motion goes; text says what was guessed."""
    frames, seen, filled = 30, torch.ones(30, dtype=torch.bool), torch.zeros(30, dtype=torch.bool)
    seen[4:6], filled[9] = False, True
    clip = replace(
        result.clip,
        observations=replace(result.clip.observations, valid=seen),
        camera=replace(result.clip.camera, filled=filled, unit="guess"),
    )
    told = replace(result, clip=clip, spread=Spread(3, torch.full((frames,), 0.1), torch.full((frames, 24), 0.02)))
    NpzExporter().export(told, tmp_path)
    with np.load(tmp_path / "motion.npz", allow_pickle=False) as archive:
        assert archive["valid"].tolist() == seen.tolist()
        assert np.flatnonzero(archive["bridged"]).tolist() == [4, 5, 9]
        contact = archive["contact"]
        assert contact.shape == (frames, 4) and 0.2 < contact.mean() < 0.9
        assert archive["root_band90"].shape == (frames,) and archive["joint_band90"].shape == (frames, 24)
        assert str(archive["scale"]) == "m (guessed)" and str(archive["contact_of"]).split()[2] == "left_foot"
        said = {row["what"]: row["guessed"] for row in json.loads(str(archive["assumed"]))}
    assert list(said) == ["focal length", "unit", "frame rate", "body size", "vertical"] and said["unit"]
    again = read_result(tmp_path / "motion.npz")  # without a run.json beside it
    assert marked("m/s", again) == "m/s (guessed)" and marked("px", again) == "px"
    metric = replace(told, clip=replace(clip, camera=replace(clip.camera, unit="metre", travel="travels")))
    assert marked("mm", metric) == "mm"
