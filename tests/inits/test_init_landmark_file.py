"""Dataset ``landmarks``: the key frames' camera, the truth beside the file, and every complaint about a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffopt_core.data.geometry import project, world_to_camera
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.errors import BadInput
from diffopt_core.host.testing import DatasetContract
from diffopt_inits.landmark_file import LandmarksDataset
from diffopt_inits.landmarks import LandmarksDatasetConfig
from goldens import beside
from init_cases import FOCAL, landmark_arrays, write_drawn


def write(folder: Path, arrays: dict, name: str = "clip.landmarks.npz") -> Path:
    np.savez(folder / name, **arrays)
    return folder / name


def load(path: Path, **options):
    return LandmarksDataset(LandmarksDatasetConfig(**options)).load(path)


class TestLandmarks(DatasetContract):
    name = "landmarks"

    def sample(self, folder):
        return write(folder, landmark_arrays())


def truth_arrays(frames: int = 6) -> dict:
    draw = np.random.default_rng(1)
    return {
        "R_cw": np.tile(np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]]), (frames, 1, 1)),
        "C": np.array([0.0, -4.0, 1.0]), "K": np.array([[1500.0, 0, 960], [0, 1500, 540], [0, 0, 1]]),
        "joints_world": draw.uniform(0, 1, (frames, 22, 3)), "joint_ids": np.arange(11, 33),
    }  # fmt: skip


def test_keypoints_carry_visibility_and_the_name_its_stem(tmp_path):
    arrays = landmark_arrays()
    clip = load(write(tmp_path, arrays))
    np.testing.assert_allclose(clip.observations.keypoints, arrays["landmarks_2d"][..., [0, 1, 3]], rtol=1e-6)
    assert clip.name == "clip" and clip.fps == 30 and clip.size == (1920, 1080) and len(clip.sha256) == 64
    assert load(write(tmp_path, arrays), fps=100).fps == 100


def test_key_cameras_are_met_exactly_between_them_interpolated_and_held_at_the_ends(tmp_path):
    arrays = landmark_arrays()
    camera = load(write(tmp_path, arrays)).camera
    torch.testing.assert_close(camera.R[[1, 3]], torch.from_numpy(arrays["key_R"]).float())
    half = axis_angle_to_matrix(torch.tensor([0.0, 0.2, 0.0]))
    torch.testing.assert_close(camera.R[2], half, atol=1e-6, rtol=0)
    torch.testing.assert_close(camera.position[2], torch.tensor([0.5, 0.0, 1.0]))
    assert torch.equal(camera.R[0], camera.R[1]) and torch.equal(camera.t[5], camera.t[3])
    torch.testing.assert_close(camera.focal, torch.full((6, 2), 1400.0))  # 700 px at 960, seen at 1920
    assert not camera.metric
    assert load(write(tmp_path, arrays), focal=1000).camera.focal[0, 0] == 1000


def test_without_key_frames_the_camera_stands_still_and_says_so(tmp_path):
    with pytest.warns(UserWarning, match=r"clip\.landmarks\.npz: the file has no camera.*1500 px"):
        camera = load(write(tmp_path, landmark_arrays(keys=False))).camera
    assert torch.equal(camera.R, torch.eye(3).expand(6, 3, 3)) and camera.focal[0, 0] == 1500


def test_truth_is_turned_y_up_with_its_camera(tmp_path):
    path, truth = write(tmp_path, landmark_arrays(keys=False)), truth_arrays()
    write(tmp_path, truth, "clip.truth.npz")
    clip = load(path)
    assert clip.camera is None and clip.truth.camera.metric and len(clip.truth.index) == 12
    torch.testing.assert_close(
        clip.truth.joints[..., 1],
        torch.from_numpy(truth["joints_world"][:, [0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17], 2]).float(),
    )
    # up is up: a point a metre higher is seen higher in the image
    points = torch.tensor([[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    seen = world_to_camera(points.expand(6, 2, 3), clip.truth.camera.R, clip.truth.camera.t)
    pixels = project(seen, clip.truth.camera.focal, clip.truth.camera.centre)
    assert (seen[..., 2] > 3).all() and (pixels[:, 1, 1] < pixels[:, 0, 1] - 100).all()
    with pytest.warns(UserWarning, match="assumed static"):
        assert load(path, static=True).camera is not None


def test_frames_without_the_person_are_invalid_and_zero(tmp_path):
    arrays = landmark_arrays()
    arrays["landmarks_2d"][2, :, 3] = 0
    clip = load(write(tmp_path, arrays))
    assert clip.observations.valid.tolist() == [True, True, False, True, True, True]
    arrays["landmarks_2d"][2] = np.nan
    arrays["valid"] = np.array([1, 1, 0, 1, 1, 1], bool)
    clip = load(write(tmp_path, arrays))
    assert not clip.observations.valid[2] and (clip.observations.keypoints[2] == 0).all()


def _nan(key):
    def change(arrays):
        arrays[key] = np.array(arrays[key], float)
        arrays[key].reshape(-1)[7] = np.nan

    return change


def _set(key, value):
    return lambda arrays: arrays.__setitem__(key, np.asarray(value))


def _cut(key, frames):
    return lambda arrays: arrays.__setitem__(key, arrays[key][:frames])


@pytest.mark.parametrize(
    ("key", "change", "problem"),
    [
        ("landmarks_world", lambda a: a.pop("landmarks_world"), "missing; the file has"),
        ("fps", lambda a: a.pop("fps"), "missing"),
        ("key_focal", lambda a: a.pop("key_focal"), "missing"),
        ("landmarks_2d", _set("landmarks_2d", np.ones((6, 17, 4))), r"shape \(6, 17, 4\), expected \(6, 33, 4\)"),
        ("landmarks_2d", _set("landmarks_2d", 1.0), "0 frames"),
        ("landmarks_world", _cut("landmarks_world", 5), r"shape \(5, 33, 4\), expected \(6, 33, 4\)"),
        ("landmarks_2d", _cut("landmarks_2d", 2), "has 2 frames; expected at least 3"),
        ("landmarks_2d", _nan("landmarks_2d"), "1 values are not finite"),
        ("landmarks_world", _nan("landmarks_world"), "not finite"),
        ("landmarks_2d", lambda a: a["landmarks_2d"][..., 3].fill(0), "not found in any frame"),
        ("landmarks_2d", lambda a: a["landmarks_2d"][..., 3].fill(1.5), r"outside \[0, 1\]"),
        ("fps", _set("fps", 0.0), "expected a positive number"),
        ("fps", _set("fps", np.nan), "not finite"),
        ("fps", _set("fps", "thirty"), "expected numbers"),
        ("key_focal", _set("key_focal", -700.0), "expected a positive number"),
        ("image_size", _set("image_size", [0, 1080]), "positive width"),
        ("layout", _set("layout", "coco17"), "expected 'blazepose33'"),
        ("key_names", _set("key_names", ["a.jpg", "b.jpg"]), "frame numbers"),
        ("key_names", _set("key_names", ["000001.jpg", "000009.jpg"]), "0 … 5"),
        ("key_names", _set("key_names", ["000003.jpg", "000001.jpg"]), "increasing"),
        ("key_R", _set("key_R", np.ones((2, 3, 3))), "not rotations"),
        ("key_C", _set("key_C", np.ones((3, 3))), r"expected \(2, 3\)"),
        ("valid", _set("valid", np.ones(4, bool)), r"expected \(6,\)"),
    ],
)
def test_bad_landmarks_are_told_by_file_key_and_problem(tmp_path, key, change, problem):
    arrays = landmark_arrays()
    change(arrays)
    with pytest.raises(BadInput, match=rf"clip\.landmarks\.npz: {key}: .*{problem}"):
        load(write(tmp_path, arrays))


@pytest.mark.parametrize(
    ("key", "change", "problem"),
    [
        ("joint_ids", _set("joint_ids", np.arange(0, 22)), "lacks"),
        ("joints_world", _cut("joints_world", 4), r"expected \(6, 22, 3\)"),
        ("joints_world", _nan("joints_world"), "not finite"),
        ("K", _set("K", np.zeros((3, 3))), "focal lengths"),
        ("R_cw", _set("R_cw", np.zeros((6, 3, 3))), "not rotations"),
        ("C", lambda a: a.pop("C"), "missing"),
    ],
)
def test_bad_truth_is_told_by_file_key_and_problem(tmp_path, key, change, problem):
    path, truth = write(tmp_path, landmark_arrays()), truth_arrays()
    change(truth)
    write(tmp_path, truth, "clip.truth.npz")
    with pytest.raises(BadInput, match=rf"clip\.truth\.npz: {key}: .*{problem}"):
        load(path)


def test_pickled_objects_and_other_files_are_refused(tmp_path):
    arrays = landmark_arrays() | {"landmarks_2d": np.array([{"a": 1}] * 6, dtype=object)}
    with pytest.raises(BadInput, match=r"clip\.landmarks\.npz: (file|landmarks_2d): "):
        load(write(tmp_path, arrays))
    (tmp_path / "text.landmarks.npz").write_text("not a zip")
    with pytest.raises(BadInput, match=r"text\.landmarks\.npz: file: "):
        load(tmp_path / "text.landmarks.npz")


@pytest.mark.parametrize("file", [None, *beside("real/runner.landmarks.npz", "real/walk.landmarks.npz")])
def test_files_with_key_frames(tmp_path, rest, file):
    focal = {"runner": 1440.0, "walk": 864.0}[file.name.split(".")[0]] if file else FOCAL
    clip = load(file or write_drawn(tmp_path, rest, keys=True))
    torch.testing.assert_close(clip.camera.focal[0], torch.full((2,), focal))
    step = clip.camera.position.diff(dim=0).norm(dim=-1)
    assert step.max() < 5 * step.median() and clip.observations.valid.all()


@pytest.mark.parametrize("file", [None, *beside("real/beam_pan.landmarks.npz")])
def test_truth_is_where_the_landmarks_are(tmp_path, rest, file):
    clip = load(file or write_drawn(tmp_path, rest))
    assert clip.camera is None
    camera, joints = clip.truth.camera, clip.truth.joints
    pixels = project(world_to_camera(joints, camera.R, camera.t), camera.focal, camera.centre)
    error = (pixels - clip.observations.keypoints[:, list(clip.truth.index), :2]).norm(dim=-1)
    assert error.median() < 15  # px, of 1280
    assert 0.0 < joints[..., 1].min() < 0.3 and 1.0 < joints[..., 1].max() < 2.0  # on the floor, Y up
