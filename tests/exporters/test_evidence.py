"""``evidence.npz``: what a viewer needs besides the motion comes back as it was, and a damaged file is told."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffopt_core.common.npz import read_npz, write_npz
from diffopt_core.errors import BadInput
from diffopt_core.host.recipe import parse
from diffopt_core.host.registry import Registry
from diffopt_core.parts.datasets.case_file import clip_of, write_case
from diffopt_core.parts.datasets.simulator.simulate import simulate
from diffopt_core.parts.demo_motion import demo_clip
from diffopt_core.parts.exporters import EvidenceExporter, NpzExporter
from diffopt_core.perception.perceive import open_clip
from diffopt_core.results.folder import ResultFolder
from diffopt_core.results.saved import read_result
from diffopt_core.types import HumanMotion, Result, Status, Video

LOG = {"warmup": {"total": [3.0, 2.0, 1.0], "anchor": [1.0, 0.5, 0.25]}, "guide": {"total": [0.5]}}


@pytest.fixture
def folder(tmp_path) -> Path:
    """A result folder as a run leaves it, its case with truth beside it."""
    walker = demo_clip(frames=20)
    case, truth = simulate(walker, seed=0)
    path = tmp_path / "walk.npz"
    write_case(path, case, truth)
    clip = clip_of(case, "walk", path)
    clip = replace(clip, video=Video(path, tuple(range(20)), clip.size, 90))
    motion, joints = walker.truth.motion, walker.truth.joints
    first = HumanMotion(motion.pose, motion.trans + 0.1, motion.betas, motion.betas_of)
    moved = replace(clip.camera, t=clip.camera.t + 0.5)
    result = Result(
        clip=clip, motion=motion, camera=clip.camera, joints=joints, initial=first, initial_camera=moved,
        initial_joints=joints + 0.1, status=Status.FINISHED, recipe={}, log=LOG, provenance={}, body_model="stick",
    )  # fmt: skip
    registry = Registry.load()
    ctx = registry.context()
    exporters = [NpzExporter(), EvidenceExporter()]
    run = {
        "diffopt_run": 1, "clip": "walk", "inputs": [str(path)], "status": "finished", "recipe": parse({}).dump(),
        "sha256": open_clip(path, parse({}), ctx).sha256,
        "metrics": {"initial": {"rigid_clip": 2.0}, "final": {"rigid_clip": 1.0}},
        "evidence": {"detector": {"component": "given"}},
    }  # fmt: skip
    ResultFolder(tmp_path / "out").write(result, exporters, run)
    return tmp_path / "out"


def test_everything_comes_back(folder):
    result = read_result(folder)
    assert result.clip.observations.layout == "coco17" and result.clip.observations.facts == {"component": "given"}
    assert torch.allclose(result.initial_joints, result.joints + 0.1, atol=1e-6)
    assert torch.allclose(result.initial.trans, result.motion.trans + 0.1, atol=1e-6)
    assert torch.allclose(result.initial_camera.t, result.camera.t + 0.5, atol=1e-6)
    assert result.log == LOG
    assert result.clip.video == Video(folder.parent / "walk.npz", tuple(range(20)), result.clip.size, 90)
    assert result.clip.truth is None


def test_truth_is_read_from_the_runs_input(folder):
    truth = read_result(folder, truth=True).clip.truth
    assert truth is not None and truth.joints.shape == (20, 24, 3)


def test_what_is_gone_is_told(folder, caplog):
    case = folder.parent / "walk.npz"
    case.rename(folder.parent / "elsewhere.npz")
    with caplog.at_level(logging.WARNING):
        result = read_result(folder, truth=True)
    assert result.clip.truth is None and result.clip.video is None
    assert (
        "the video no longer exists" in caplog.text
        and str(case) in caplog.text
        and "no longer exists, so its truth" in caplog.text
    )


def test_a_changed_input_gives_no_truth(folder, caplog):
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(run | {"sha256": "another"}))
    with caplog.at_level(logging.WARNING):
        assert read_result(folder, truth=True).clip.truth is None
    assert "has changed since this run" in caplog.text


def test_older_folders_stay_readable(folder):
    (folder / "evidence.npz").unlink()
    result = read_result(folder)
    assert result.clip.observations is None and result.log == {}
    assert torch.equal(result.initial_joints, result.joints)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("initial_joints", np.zeros((3, 24, 3)), r"expected numbers \(20, 24, 3\)"),
        ("keypoint_layout", np.array("coco99"), "known: smpl24"),
        ("keypoints", np.zeros((20, 3, 3)), "expected"),
        ("loss_steps", np.array([1, 1, 1]), "expected 3 by loss_steps"),
        ("video_frames", np.arange(3), "expected"),
        ("losses", None, "is missing"),
    ],
)
def test_a_damaged_file_is_told(folder, key, value, said):
    arrays = read_npz(folder / "evidence.npz")
    arrays = {name: array for name, array in arrays.items() if name != key}
    write_npz(folder / "evidence.npz", arrays if value is None else {**arrays, key: value})
    with pytest.raises(BadInput, match=said):
        read_result(folder)
