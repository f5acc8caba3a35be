"""Files in each system's schema, made from a known camera path, give that path back in the one convention."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffopt_core.data.rotation import geodesic
from diffopt_core.host.testing import CameraContract
from droid_files import (
    CENTRE,
    FOCAL,
    FRAMES,
    SIZE,
    WRITERS,
    clip_of,
    known_path,
    matrices,
    pose7,
    read,
    reconstruction,
    write_slahmr,
    write_tram,
)
from goldens import golden
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

conversions = golden("camera_conversions.npz")


def assert_same(camera, known, metres=1e-4, radians=1e-3):
    R, t = torch.from_numpy(known.R), torch.from_numpy(known.t)
    assert geodesic(camera.R.double(), R).max() < radians
    assert (camera.t.double() - t).norm(dim=-1).max() < metres


METRIC = ("tram", "prompthmr", "arkit")


class TestContract(CameraContract):
    name = "droid"

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path):
        self.path = tmp_path / "traj.npy"
        np.save(self.path, pose7(*known_path(12).c2w))

    def config(self, **options):
        return super().config(file=str(self.path), **options)

    def clip(self, folder):
        return clip_of(12, FOCAL)


@pytest.mark.parametrize("name", WRITERS)
def test_round_trip(tmp_path, name):
    file, write, has_focal = WRITERS[name]
    known, path = known_path(), tmp_path / file
    write(path, known)
    camera = read(path, clip_of(focal=None if has_focal else FOCAL))
    assert_same(camera, known)
    assert camera.travel == "travels" and camera.unit == ("metre" if name in METRIC else "arbitrary")
    assert not camera.filled.any() and camera.facts["jumps"] == [] and not camera.facts["static"]
    assert torch.allclose(camera.focal, torch.tensor(FOCAL), rtol=1e-5)
    if has_focal:
        assert torch.allclose(camera.centre, torch.tensor(CENTRE), atol=0.01)
        assert any(part in camera.facts["focal_from"] for part in (file, "cameras.txt", "cameras.bin"))
    else:
        assert camera.facts["focal_from"] == "--focal"
        assert torch.equal(camera.centre, torch.tensor(SIZE).float().expand(FRAMES, 2) / 2)
    assert camera.metric is (name in METRIC) and camera.level is (name == "arkit")


@pytest.mark.parametrize("name", WRITERS)
def test_a_named_format_reads_the_same(tmp_path, name):
    file, write, _ = WRITERS[name]
    path = tmp_path / file
    write(path, known_path())
    form = name.removesuffix("-npz").removesuffix("-tum")
    assert_same(read(path, format=form), known_path())
    assert read(path, format=form).facts["format"] == form


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), frames=st.integers(4, 60), name=st.sampled_from(sorted(WRITERS)))
def test_round_trip_of_any_path(tmp_path, seed, frames, name):
    file, write, _ = WRITERS[name]
    known, path = known_path(frames, seed), tmp_path / file
    write(path, known)
    assert_same(read(path, clip_of(frames, FOCAL)), known)


def test_golden_poses(conversions, tmp_path):
    poses, back, w2c = (conversions[f"droid/{k}"].numpy() for k in ("c2w_pose7", "w2c_pose7", "w2c_matrix"))
    clip = clip_of(len(poses), FOCAL)
    np.save(tmp_path / "traj.npy", poses)
    camera = read(tmp_path / "traj.npy", clip, quaternion="xyzw")
    assert torch.allclose(camera.R, torch.from_numpy(w2c[:, :3, :3]).float(), atol=1e-6)
    assert torch.allclose(camera.t, torch.from_numpy(w2c[:, :3, 3]).float(), atol=1e-5)
    keys = {
        "tstamps": torch.arange(len(back)),
        "poses": torch.from_numpy(back),
        "intrinsics": torch.ones(len(back), 4) * 50,
    }
    torch.save(keys, tmp_path / "scene.pth")
    again = read(tmp_path / "scene.pth", clip, quaternion="xyzw")
    assert torch.allclose(again.R, camera.R, atol=1e-5) and torch.allclose(again.t, camera.t, atol=1e-4)


def test_tram_and_slahmr_have_opposite_directions(tmp_path):
    """The same numbers read one way and the other are inverse cameras, and never the same."""
    known = known_path()
    write_tram(tmp_path / "camera.npy", known)
    write_slahmr(tmp_path / "cameras.npz", known)
    tram, slahmr = read(tmp_path / "camera.npy"), read(tmp_path / "cameras.npz")
    assert torch.allclose(tram.t, slahmr.t, atol=1e-5)
    assert (tram.facts["direction"], slahmr.facts["direction"]) == ("camera to world", "world to camera")
    assert tram.metric and not slahmr.metric


def test_tram_emdb_file_is_level(tmp_path):
    known = known_path()
    up = np.diag([1.0, -1.0, -1.0])
    R, t = known.c2w
    np.savez(
        tmp_path / "P0.npz", pred_cam_R=R, pred_cam_T=t, world_cam_R=up @ R, world_cam_T=t @ up.T,
        img_focal=FOCAL, img_center=CENTRE, spec_focal=900.0,
    )  # fmt: skip
    camera = read(tmp_path / "P0.npz", clip_of())
    assert camera.level and camera.metric
    assert torch.allclose(camera.R[0], torch.from_numpy(up).float(), atol=1e-6)
    assert torch.allclose(camera.t, torch.from_numpy(known.t).float(), atol=1e-4)


def test_prompthmr_world_is_preferred_and_its_pixels_are_scaled(tmp_path):
    import joblib

    known = known_path()
    R, t = known.c2w
    world = {"Rwc": R, "Twc": t, "img_focal": FOCAL / 2, "img_center": np.array(SIZE) / 4}
    joblib.dump({"camera": {"img_focal": 1.0}, "camera_world": world, "people": {}}, tmp_path / "results.pkl")
    camera = read(tmp_path / "results.pkl", clip_of())
    assert_same(camera, known)
    assert camera.level and camera.metric and any("0.5 times" in note for note in camera.facts["notes"])
    assert torch.allclose(camera.focal, torch.tensor(FOCAL)) and torch.allclose(
        camera.centre[0], torch.tensor([640.0, 360])
    )


def test_reconstruction_interpolates_between_keyframes_and_says_so(tmp_path, caplog):
    known = known_path(121)
    keys, content = reconstruction(known, every=3, images=True)
    torch.save(content, tmp_path / "scene.pth")
    camera = read(tmp_path / "scene.pth", clip_of(121))
    exact = torch.from_numpy(keys)
    assert (camera.t[exact].double() - torch.from_numpy(known.t[keys])).norm(dim=-1).max() < 1e-4
    assert sorted({*range(121)} - {*np.flatnonzero(camera.filled).tolist()}) == keys.tolist()
    assert camera.facts["keyframes_only"] and camera.facts["held"] == []
    assert geodesic(camera.R.double(), torch.from_numpy(known.R)).max() < 0.01
    assert "only keyframes" in caplog.text and f"{121 - len(keys)} of 121" in caplog.text


def test_reconstruction_folder_and_its_poses_file_are_keyframes(tmp_path):
    known = known_path()
    _, content = reconstruction(known)
    for key in ("tstamps", "poses", "intrinsics"):
        np.save(tmp_path / f"{key}.npy", content[key].numpy())
    for path in (tmp_path, tmp_path / "poses.npy"):
        camera = read(path, clip_of())
        assert_same(camera, known)
        assert camera.facts["format"] == "droid-reconstruction"


def test_colmap_folder_with_gaps(tmp_path):
    from droid_files import write_colmap

    known = known_path()
    write_colmap(tmp_path / "images.txt", known)
    lines = (tmp_path / "images.txt").read_text().split("\n")
    gap = [10, 11, 12]
    kept = [lines[0]] + [line for i in range(FRAMES) if i not in gap for line in lines[1 + 2 * i : 3 + 2 * i]]
    (tmp_path / "images.txt").write_text("\n".join(kept) + "\n")
    camera = read(tmp_path, clip_of())
    assert np.flatnonzero(camera.filled).tolist() == gap
    known_frames = [i for i in range(FRAMES) if i not in gap]
    assert torch.allclose(camera.t[known_frames], torch.from_numpy(known.t[known_frames]).float(), atol=1e-4)


def test_colmap_names_count_from_one(tmp_path):
    from droid_files import write_colmap

    known = known_path()
    write_colmap(tmp_path / "images.txt", known)
    text = (tmp_path / "images.txt").read_text()
    for i in reversed(range(FRAMES)):
        text = text.replace(f"frame_{i:05d}", f"frame_{i + 1:05d}")
    (tmp_path / "images.txt").write_text(text)
    assert_same(read(tmp_path / "images.txt", clip_of()), known)


def test_simplevo_inside_slam_pt(tmp_path):
    known = known_path()
    torch.save(list(matrices(known.R, known.t)), tmp_path / "slam.pt")
    assert_same(read(tmp_path / "slam.pt"), known)
    assert_same(read(tmp_path / "slam.pt", format="gvhmr"), known)
