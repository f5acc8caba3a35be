"""Options common to all formats: what they promise holds for every rate, axis, unit and start."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffopt_core.data.rotation import geodesic, yaw_to_matrix
from diffopt_core.errors import DiffOptError
from diffopt_core.results.saved import rest_from_joints
from diffopt_exports.configs import MotionOptions
from diffopt_exports.files import Axes
from diffopt_exports.performance import perform
from exports_cases import FRAMES, apart, bare, exporter, walk
from hypothesis import given, settings
from hypothesis import strategies as st


def test_without_options_nothing_changes():
    for result in (walk(), bare()):
        done = perform(result, MotionOptions())
        assert torch.equal(done.joints.float(), result.joints) and torch.equal(done.pose.float(), result.motion.pose)
        assert done.facts == {} and done.fps == 30.0


@settings(max_examples=12, deadline=None)
@given(st.floats(0.5, 240))
def test_resampling_keeps_times(fps):
    done = perform(bare(), MotionOptions(fps=fps))
    last = (FRAMES - 1) / 30
    assert done.num_frames == int(np.floor(last * fps + 1e-5)) + 1 and done.fps == fps
    at = np.arange(done.num_frames) / fps
    assert at[-1] <= last + 1e-6
    expected = np.stack([np.interp(at, np.arange(FRAMES) / 30, row) for row in bare().motion.trans.numpy().T], 1)
    assert apart(done.trans, expected) < 1e-5
    assert torch.allclose(torch.linalg.det(done.pose), torch.ones(()).double(), atol=1e-6)
    eye = torch.from_numpy(expected[:1])  # any point: the camera is a rigid motion in every frame
    assert torch.isfinite(done.camera.R.double() @ eye[0]).all() and len(done.camera.t) == done.num_frames


@pytest.mark.parametrize(("up", "down"), [(60.0, 30.0), (240.0, 30.0)])
def test_frames_that_were_there_stay(up, down):
    finer = perform(bare(), MotionOptions(fps=up))
    step = int(up / down)
    assert apart(finer.joints[::step], bare().joints) < 1e-5
    assert geodesic(finer.pose[::step].float(), bare().motion.pose).max() < 2e-3
    assert apart(finer.camera.position[::step], bare().camera.position) < 1e-4
    coarse = perform(bare(), MotionOptions(fps=15.0))
    assert apart(coarse.joints, bare().joints[::2]) < 1e-5


def test_half_a_frame_a_second():
    done = perform(walk(), MotionOptions(fps=0.5))
    assert done.num_frames == 1 and apart(done.joints[0], walk().joints[0]) < 1e-5


def test_one_frame_only(tmp_path):
    result = walk()
    camera = replace(result.camera, **{k: getattr(result.camera, k)[:1] for k in ("R", "t", "focal", "centre")})
    motion = replace(result.motion, pose=result.motion.pose[:1], trans=result.motion.trans[:1])
    first = {"initial": motion, "initial_camera": camera, "initial_joints": result.joints[:1]}
    still = replace(result, motion=motion, camera=camera, joints=result.joints[:1], **first)
    for name in ("glb", "bvh", "amass", "csv", "trc"):
        for feet in ("never", "auto", "ground"):
            assert exporter(name, feet=feet, fps=60).export(still, tmp_path)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(["y", "z"]), st.sampled_from(["m", "cm"]), st.integers(0, 2**31))
def test_axes_and_unit_can_be_undone(up, unit, seed):
    axes = Axes(up, unit)
    points = torch.randn(5, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    there = axes.points(points)
    assert apart(there @ axes.matrix.numpy() / axes.scale, points) < 1e-12
    assert torch.linalg.det(axes.matrix) == 1.0
    index = {"y": 1, "z": 2}[up]
    assert np.allclose(there[:, index], axes.scale * points[:, 1].numpy())


@settings(max_examples=10, deadline=None)
@given(st.floats(-3.1, 3.1), st.floats(-50, 50), st.floats(-50, 50))
def test_start_is_at_the_origin_and_can_be_undone(angle, x, z):
    result, turn, shift = bare(), yaw_to_matrix(torch.tensor(angle)), torch.tensor([x, 0.0, z])
    motion = result.motion
    pose = torch.cat([turn @ motion.pose[:, :1], motion.pose[:, 1:]], 1)
    joints = result.joints @ turn.mT + shift
    camera = replace(result.camera, R=result.camera.R @ turn.mT, t=result.camera.t - result.camera.R @ turn.mT @ shift)
    moved = replace(
        result, motion=replace(motion, pose=pose, trans=motion.trans @ turn.mT + shift), joints=joints, camera=camera
    )
    done = perform(moved, MotionOptions(origin=True))
    assert apart(done.joints[0, :1, [0, 2]], [[0, 0]]) < 1e-4
    left = done.joints[0, 1] - done.joints[0, 2]
    assert left[0] > 0 and abs(left[2]) < 0.15, "left hip on +x: facing +z"
    first = perform(result, MotionOptions(origin=True))
    assert apart(done.joints, first.joints) < 1e-3, "wherever the clip began"
    told = done.facts["origin"]
    back = yaw_to_matrix(torch.deg2rad(torch.tensor(-told["turned_about_y_deg"], dtype=torch.float64)))
    assert apart(done.joints @ back.mT + torch.tensor(told["from_m"], dtype=torch.float64), joints) < 1e-3
    seen = lambda r: r.joints[7].double() @ r.camera.R[7].double().mT + r.camera.t[7].double()  # noqa: E731
    assert apart(seen(done), seen(moved)) < 1e-3, "the camera comes along"


def test_rest_skeleton_follows_from_joints_alone():
    found = rest_from_joints(bare().motion.pose.double(), bare().joints.double())
    assert apart(found, bare().clip.rest_joints) < 1e-5
    bodiless = replace(bare(), clip=replace(bare().clip, rest_joints=None))
    assert apart(perform(bodiless, MotionOptions()).figure.rest, bare().clip.rest_joints) < 1e-5


@pytest.mark.parametrize("options", [{"fps": 0.4}, {"fps": 241}, {"up": "x"}, {"unit": "mm"}, {"feet": "sometimes"}])
def test_options_out_of_range_are_named(options):
    with pytest.raises(DiffOptError, match=next(iter(options))):
        exporter("csv", **options)


def test_options_stand_beside_the_file(tmp_path):
    _, beside = exporter("trc", fps=60, origin=True, feet="ground").export(walk(), tmp_path)
    told = json.loads(beside.read_text())
    assert told["options"]["fps"] == 60 and told["resampled_from_fps"] == 30 and told["frames"] == 2 * FRAMES - 1
    assert {"turned_about_y_deg", "from_m"} == set(told["origin"]) and "lifted_mm" in told["feet"]
