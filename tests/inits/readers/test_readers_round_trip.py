"""Each tool's file, written from a known motion, gives that motion back in the one convention."""

from __future__ import annotations

import joblib
import numpy as np
import pytest
import reader_cases as cases
import torch
from diffopt_core.host.registry import Registry
from diffopt_core.parts.bodies.smpl import ENVIRONMENT
from diffopt_core.parts.datasets.configs import AmassConfig
from diffopt_core.parts.datasets.motion_file import load_motion
from diffopt_core.types import CameraTrajectory, Observations, Video
from diffopt_formats.systems import read_tracks
from diffopt_inits.readers.body import body_of
from diffopt_inits.readers.motion import write_motion
from scipy.spatial.transform import Rotation

METRES, RADIANS = 1e-4, 1e-3


@pytest.fixture(autouse=True)
def no_model(monkeypatch):
    monkeypatch.delenv(ENVIRONMENT, raising=False)


def angle(a, b):
    return (
        Rotation.from_matrix(np.reshape(a, (-1, 3, 3))).inv() * Rotation.from_matrix(np.reshape(b, (-1, 3, 3)))
    ).magnitude()


def model_file(folder, name, vertices, joints):
    """A body-model file of random numbers: its rest joints are linear in betas, as the real ones are."""
    rng = np.random.default_rng(len(name))
    regressor = np.zeros((joints, vertices))
    regressor[:, rng.permutation(vertices)[:40]] = rng.dirichlet(np.full(40, 1.0), joints)
    held = {
        "v_template": rng.normal(size=(vertices, 3)),
        "shapedirs": rng.normal(0, 0.02, (vertices, 3, 12)),
        "J_regressor": regressor,
    }
    np.savez(folder / name, **held)
    return folder / name, held


def rest_of(held):
    def pelvis(betas):
        shaped = held["v_template"] + np.einsum("vik,nk->nvi", held["shapedirs"][..., :10], betas)
        return np.einsum("v,nvi->ni", held["J_regressor"][0], shaped)

    return pelvis


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("tool", cases.TOOLS)
def test_camera_frame(tool, seed, tmp_path):
    write, model, _ = cases.TOOLS[tool]
    k = cases.make(seed)
    clip = cases.clip_of(k.n, focal=cases.FOCAL, focal_from="--focal")
    file = write(k, tmp_path)
    body = body_of(read_tracks(file, {"gem": "gvhmr"}.get(tool, tool)), clip, where=file)
    assert angle(body.global_orient.double(), k.orient_cam).max() < RADIANS
    assert angle(body.body_pose.double(), k.pose[:, 1:]).max() < RADIANS
    assert np.abs(body.transl.double().numpy() - k.pelvis_cam).max() < METRES
    assert body.betas_of == model and body.facts["filled"] == []


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("tool", [tool for tool, (_, _, world) in cases.TOOLS.items() if world])
def test_world(tool, seed, tmp_path):
    """Through ``motion.npz``, which the dataset reads back; the system is told by the file's keys."""
    k = cases.make(seed)
    write_motion(cases.TOOLS[tool][0](k, tmp_path), tmp_path / "motion.npz", fps=25.0)
    clip = load_motion(tmp_path / "motion.npz", AmassConfig(fps=None))
    motion = clip.truth.motion
    assert clip.fps == 25.0 and motion.betas_of == cases.TOOLS[tool][1]
    assert angle(motion.pose.double(), k.pose).max() < RADIANS
    assert np.abs(motion.trans.numpy() - k.pelvis).max() < METRES
    with np.load(tmp_path / "motion.npz", allow_pickle=False) as held:
        assert "Y up" in str(held["axes"]) and held["valid"].all() and held["joints"].shape == (k.n, 24, 3)
        np.testing.assert_allclose(held["joints"][:, 0], k.pelvis, atol=METRES)
        assert angle(held["cam_R"].astype(float), k.R).max() < RADIANS
        np.testing.assert_allclose(held["cam_t"], k.t, atol=1e-3)


@pytest.mark.parametrize("tool", [tool for tool in cases.TOOLS if tool != "gemx"])  # its shape is no SMPL's
def test_the_users_model_gives_the_pelvis_of_any_shape(tool, tmp_path):
    write, model, world = cases.TOOLS[tool]
    name, vertices, joints = ("SMPLX_NEUTRAL.npz", 10475, 55) if model == "smplx" else ("SMPL_NEUTRAL.npz", 6890, 24)
    file, held = model_file(tmp_path, name, vertices, joints)
    pelvis = rest_of(held)
    betas = np.random.default_rng(5).normal(size=10)
    k = cases.make(1, betas=betas, rest=lambda _, b: pelvis(b))
    result = write(k, tmp_path)
    clip = cases.clip_of(k.n, focal=cases.FOCAL)
    for smpl in (file, tmp_path):
        body = body_of(read_tracks(result), clip, smpl)
        assert np.abs(body.transl.double().numpy() - k.pelvis_cam).max() < METRES
        np.testing.assert_allclose(body.betas, betas, atol=1e-5)
    if world:
        write_motion(result, tmp_path / "m.npz", smpl=file, fps=30)
        with np.load(tmp_path / "m.npz") as out:
            np.testing.assert_allclose(out["transl"], k.pelvis, atol=METRES)
            assert str(out["joints_of"]) == ("anny24" if model == "smplx" else "smpl")


def test_prompthmr_has_a_shape_in_the_world_and_another_in_the_camera(tmp_path):
    """The translation of each goes with its own shape."""
    file, held = model_file(tmp_path, "SMPLX_NEUTRAL.npz", 10475, 55)
    there, here = np.random.default_rng(6).normal(size=(2, 10))
    k = cases.make(1, betas=there, rest=lambda _, b: rest_of(held)(b))
    result = cases.prompthmr(k, tmp_path)
    saved = joblib.load(result)
    person = saved["people"][1]["smplx_cam"]
    person["shape"] = np.tile(here, (k.n, 1))
    person["trans"] = k.pelvis_cam - rest_of(held)(person["shape"])
    joblib.dump(saved, result)
    write_motion(result, tmp_path / "m.npz", smpl=file, fps=30)
    with np.load(tmp_path / "m.npz") as out:
        np.testing.assert_allclose(out["transl"], k.pelvis, atol=METRES)
        np.testing.assert_allclose(out["betas"], there, atol=1e-5)
    body = body_of(read_tracks(result), cases.clip_of(k.n, focal=cases.FOCAL), file)
    np.testing.assert_allclose(body.transl.numpy(), k.pelvis_cam, atol=METRES)
    np.testing.assert_allclose(body.betas, here, atol=1e-5)


@pytest.mark.parametrize("tool", ["vibe", "hmr2"])
def test_a_weak_camera_takes_the_clips_focal_length_and_centre(tool, tmp_path):
    """Depth goes with the focal length, and with the centre the ray; the size in the image stays."""
    k = cases.make(0)
    tracks = read_tracks(cases.TOOLS[tool][0](k, tmp_path))
    focal, centre = 2 * cases.FOCAL, np.array([600.0, 380.0])
    eye, zero = torch.eye(3).expand(k.n, 3, 3), torch.zeros(k.n, 3)
    camera = CameraTrajectory(eye, zero, torch.full((k.n, 2), focal), torch.from_numpy(centre).expand(k.n, 2))
    body = body_of(tracks, cases.clip_of(k.n, focal=1.0), camera=camera)
    transl = k.pelvis_cam - k.p["smpl"]
    want = transl * [1, 1, 2] + np.pad((np.array(cases.SIZE) / 2 - centre), (0, 1)) / cases.FOCAL * transl[:, 2:]
    np.testing.assert_allclose(body.transl.numpy(), want + k.p["smpl"], atol=5e-4)


@pytest.mark.parametrize("tool", ["vibe", "hmr2"])
def test_images_of_another_size(tool, tmp_path):
    """The same view at half size needs half the focal length for the same place; another shape is refused."""
    k = cases.make(0)
    tracks = read_tracks(cases.TOOLS[tool][0](k, tmp_path))
    body = body_of(tracks, cases.clip_of(k.n, size=(640, 360), focal=cases.FOCAL / 2))
    np.testing.assert_allclose(body.transl.numpy(), k.pelvis_cam, atol=METRES)
    with pytest.raises(Exception, match=r"1280 x 720 px.*720 x 1280"):
        body_of(tracks, cases.clip_of(k.n, size=(720, 1280), focal=cases.FOCAL))


@pytest.mark.parametrize("tool", ["gvhmr", "tram", "slahmr", "glamr", "prompthmr"])
def test_another_focal_length_scales_the_depth_aloud(tool, tmp_path, caplog):
    k = cases.make(0)
    clip = cases.clip_of(k.n, focal=2 * cases.FOCAL, focal_from="--focal")
    body = body_of(read_tracks(cases.TOOLS[tool][0](k, tmp_path)), clip)
    np.testing.assert_allclose(body.transl.numpy(), k.pelvis_cam * [1, 1, 2], atol=2 * METRES)
    assert "focal length" in caplog.text and body.facts["depth_scaled"] == pytest.approx(2)


@pytest.mark.parametrize("tool", cases.TOOLS)
def test_a_part_of_a_video_is_picked_by_its_frames(tool, tmp_path):
    k = cases.make(2)
    frames = (5, 7, 7, 9, 30)
    video = Video(tmp_path / "walk.mp4", frames, cases.SIZE, length=k.n)
    clip = cases.clip_of(len(frames), video=video, focal=cases.FOCAL)
    body = body_of(read_tracks(cases.TOOLS[tool][0](k, tmp_path)), clip)
    np.testing.assert_allclose(body.transl.numpy(), k.pelvis_cam[list(frames)], atol=METRES)
    assert angle(body.global_orient.double(), k.orient_cam[list(frames)]).max() < RADIANS


@pytest.mark.parametrize("tool", ["wham", "gvhmr", "gem", "tram", "slahmr", "glamr", "prompthmr"])
def test_the_same_file_gives_its_cameras(tool, tmp_path):
    """Carried by them, the person of the camera frame walks as in the world, but for its place and heading."""
    k = cases.make(1)
    name = {"gem": "gvhmr"}.get(tool, tool)
    registry = Registry.load()
    file = str(cases.TOOLS[tool][0](k, tmp_path))
    clip = cases.clip_of(k.n, focal=cases.FOCAL, focal_from="--focal")
    seen = Observations(torch.ones(k.n, 17, 3), "coco17", torch.ones(k.n).bool())
    camera = registry.config("camera", name, {"file": file}).build(registry.context()).trajectory(clip, seen)
    body = registry.config("initializer", name, {"file": file}).build(registry.context()).initialize(clip, seen, camera)
    path = (camera.R.mT @ (body.transl - camera.t).unsqueeze(-1)).squeeze(-1)
    walked, known = path.diff(dim=0).norm(dim=-1), torch.from_numpy(k.pelvis).float().diff(dim=0).norm(dim=-1)
    torch.testing.assert_close(walked, known, atol=1e-3, rtol=0)
    assert camera.level is (tool in ("wham", "gvhmr", "gem", "slahmr", "glamr", "prompthmr"))
    assert camera.travel == "travels" and camera.unit == ("metre" if tool in ("tram", "prompthmr") else "guess")
