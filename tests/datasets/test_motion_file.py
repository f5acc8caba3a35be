"""Motion files: AMASS in its three widths, shards, results; vertical axis, pelvis, rate."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffopt_core.data.rotation import geodesic, matrix_to_axis_angle
from diffopt_core.data.skeleton import PARENTS
from diffopt_core.errors import BadInput, UnknownName
from diffopt_core.parts.datasets.configs import AmassConfig
from diffopt_core.parts.datasets.motion_file import (
    MotionDataset,
    clip_names,
    load_motion,
    resample,
    split_address,
    window,
)


def amass_of(walker, width: int) -> dict[str, np.ndarray]:
    """The walker as AMASS holds it: Z up, trans less the rest pelvis."""
    motion = walker.truth.motion
    up = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])  # Y up -> Z up
    pose = motion.pose.clone()
    pose[:, 0] = up @ pose[:, 0]
    flat = matrix_to_axis_angle(pose).flatten(1).numpy()
    poses = np.zeros((len(flat), width))
    poses[:, : min(width, 72)] = flat if width == 72 else np.pad(flat[:, :66], ((0, 0), (0, 6)))
    rest = np.array(AmassConfig().rest_pelvis)
    return {
        "poses": poses,
        "trans": (motion.trans @ up.mT).numpy() - rest,
        "betas": np.arange(16) / 10,
        "gender": np.array("neutral"),
        "mocap_framerate": np.array(30.0),
    }


@pytest.mark.parametrize("width", [72, 156, 165])
@pytest.mark.parametrize("rate", ["mocap_framerate", "mocap_frame_rate", "fps"])
def test_amass(walker, tmp_path, width, rate):
    arrays = amass_of(walker, width)
    arrays[rate] = arrays.pop("mocap_framerate")
    path = tmp_path / "walk_poses.npz"
    np.savez(path, **arrays)
    dataset = MotionDataset(AmassConfig())
    assert dataset.accepts(path)
    clip = dataset.load(path)
    true = walker.truth.motion
    assert torch.allclose(clip.truth.motion.trans, true.trans, atol=1e-5), "the pelvis, Y up"
    assert geodesic(clip.truth.motion.pose[:, :22], true.pose[:, :22]).max() < 2e-3
    assert clip.truth.motion.betas.tolist() == pytest.approx([i / 10 for i in range(10)])
    assert clip.truth.motion.betas_of == ("smplx" if width == 165 else "smpl")
    assert clip.observations is None and clip.camera is None and clip.rest_joints is None


def shard_of(walker, folder: Path) -> Path:
    pose = matrix_to_axis_angle(walker.truth.motion.pose).numpy()
    path = folder / "some.npz"
    np.savez(
        path,
        poses=np.concatenate([pose, pose[:40]]),
        trans=np.concatenate([walker.truth.motion.trans, walker.truth.motion.trans[:40]]),
        starts=np.array([0, 100, 140]),
        names=np.array(["first", "second"]),
        fps=np.array(30.0),
    )
    rest = walker.rest_joints.numpy()
    offsets = [(rest[j] - rest[max(p, 0)]).tolist() for j, p in enumerate(PARENTS)]
    (folder / "skeleton.json").write_text(json.dumps({"offsets": offsets}))
    return path


def test_shards_are_addressed_by_name_or_index(walker, tmp_path):
    path = shard_of(walker, tmp_path)
    assert split_address(Path(f"{path}#second")) == (path, "second")
    for address in (f"{path}#second", f"{path}#1"):
        assert load_motion(Path(address), AmassConfig()).num_frames == 40
    clip = load_motion(path, AmassConfig(clip="first"))
    assert torch.allclose(clip.truth.joints, walker.truth.joints, atol=1e-4)
    assert clip_names(path) == {f"{path}#first": 100, f"{path}#second": 40}
    with pytest.raises(UnknownName, match="second"):
        load_motion(Path(f"{path}#secnd"), AmassConfig())
    with pytest.raises(BadInput, match="name one"):
        load_motion(path, AmassConfig())


def test_truth_files_and_results_are_motion(truth, tmp_path):
    path = tmp_path / "motion.npz"
    np.savez(path, **truth)
    with pytest.raises(BadInput, match="source_fps"):
        load_motion(path, AmassConfig())
    clip = load_motion(path, AmassConfig(source_fps=30))
    assert np.allclose(clip.truth.motion.trans.numpy(), truth["transl"])


def test_resampling_keeps_the_ends_and_halves_exactly(walker):
    half = resample(walker, 15.0)
    assert half.num_frames == 50 and half.fps == 15.0
    assert torch.allclose(half.truth.joints, walker.truth.joints[::2])
    assert geodesic(half.truth.motion.pose, walker.truth.motion.pose[::2]).max() < 1e-3
    double = resample(walker, 60.0)
    assert double.num_frames == 199
    assert torch.allclose(double.truth.motion.trans[::2], walker.truth.motion.trans, atol=1e-6)


def test_windows(walker):
    assert torch.equal(window(walker, 20, 30).truth.joints, walker.truth.joints[20:50])
    with pytest.raises(BadInput, match="100 frames"):
        window(walker, 90, 30)


@pytest.mark.parametrize(
    ("key", "spoil", "named"),
    [
        ("poses", lambda v: v[:, :50], "poses"),
        ("poses", lambda v: v * np.nan, "poses"),
        ("trans", lambda v: v[:-1], "trans"),
        ("mocap_framerate", lambda v: v * 0, "mocap_framerate"),
        ("poses", lambda v: v.astype(str), "poses"),
    ],
)
def test_spoilt_motion(walker, tmp_path, key, spoil, named):
    arrays = amass_of(walker, 156)
    arrays[key] = spoil(arrays[key])
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(BadInput) as caught:
        load_motion(tmp_path / "bad.npz", AmassConfig())
    assert caught.value.key == named


def test_something_else(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    assert not MotionDataset(AmassConfig()).accepts(tmp_path / "other.npz")
    with pytest.raises(BadInput, match="expected"):
        load_motion(tmp_path / "other.npz", AmassConfig())


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "..", "a\nb", "x" * 500])
def test_what_a_file_calls_its_clip_does_not_lead_out_of_the_results(tmp_path, name):
    from diffopt_core.host.recipe import parse
    from diffopt_core.host.registry import Registry
    from diffopt_core.perception.perceive import open_clip

    path = tmp_path / "a.npz"
    poses, trans = np.zeros((5, 24, 3)), np.zeros((5, 3))
    np.savez(path, poses=poses, trans=trans, starts=np.array([0, 5]), names=np.array([name]), fps=30.0)
    clip = open_clip(path, parse({}), Registry.load().context())
    assert (tmp_path / clip.name).parent == tmp_path and clip.name.isprintable() and len(clip.name) <= 120
