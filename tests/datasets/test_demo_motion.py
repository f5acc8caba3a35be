"""The demonstration walks: feet stand, nothing sinks, nothing jumps, and it does so on any skeleton."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffopt_core.data.geometry import forward_kinematics
from diffopt_core.data.rotation import matrix_to_axis_angle
from diffopt_core.data.skeleton import JOINT, PARENTS
from diffopt_core.parts.bodies.anny24 import load
from diffopt_core.parts.datasets.case_file import read_case, write_case
from diffopt_core.parts.demo_motion import demo_case, demo_clip, walk
from diffopt_core.types import HumanMotion

TOES = [JOINT["left_foot"], JOINT["right_foot"]]
SOLE = 0.02


def joints_of(rest: torch.Tensor, **options) -> np.ndarray:
    motion = walk(rest.double().numpy(), 100, 30.0, SOLE, **options)
    joints = forward_kinematics(motion.pose.double(), rest.double(), PARENTS)[1] + motion.trans.double()[:, None]
    return joints.numpy()


@pytest.fixture(params=["mean", "tall", "child", "long legs"])
def joints(request, walker):
    rest = walker.rest_joints.clone()
    if request.param == "tall":
        rest *= 1.15
    elif request.param == "child":
        rest *= 0.7
    elif request.param == "long legs":
        below = [JOINT[f"{side}_{name}"] for side in ("left", "right") for name in ("knee", "ankle", "foot")]
        hips = rest[[JOINT["left_hip"], JOINT["right_hip"]]].mean(0)
        rest[below] = hips + (rest[below] - hips) * torch.tensor([1.0, 1.1, 1.0])
    return joints_of(rest)


def test_stance_feet_stand(joints):
    steps = 1000 * np.linalg.norm(np.diff(joints[:, TOES], axis=0), axis=-1)
    down = joints[:, TOES, 1] < SOLE + 0.002
    stance = down[1:] & down[:-1]
    assert stance.any(1).mean() > 0.75, "hardly a frame without a foot on the floor"
    assert (stance.sum(0) > 35).all()
    assert steps[stance].max() < 3.0, "mm per frame"


def test_nothing_sinks_or_breaks(joints, walker):
    assert joints[..., 1].min() > SOLE - 1e-4
    bones = np.linalg.norm(joints[:, [PARENTS[j] for j in range(1, 24)]] - joints[:, 1:], axis=-1)
    assert np.ptp(bones, axis=0).max() < 1e-6


def test_jitter_is_that_of_motion_capture(joints):
    third = np.diff(joints, n=3, axis=0) * 30**3
    assert 60 < np.linalg.norm(third, axis=-1).mean() < 250  # m/s^3; captured walks lie between 70 and 260


def test_somebody_walks_round_a_bend_and_speeds_up(walker):
    path = walker.truth.joints[:, 0, [0, 2]].numpy()
    speed = np.linalg.norm(np.diff(path, axis=0), axis=-1) * 30
    assert speed[:10].mean() < 0.7 and 1.1 < speed[-20:].mean() < 1.5
    forward = walker.truth.motion.pose[:, 0, [0, 2], 2].numpy()
    turned = np.arctan2(*forward[-1]) - np.arctan2(*forward[0])
    assert 0.8 < abs(turned) < 1.5
    ahead = (np.diff(path, axis=0) * 30 * forward[1:]).sum(-1)
    assert (ahead > 0.4).all(), "forwards"


def test_joints_bend_as_they_can(walker):
    angles = matrix_to_axis_angle(walker.truth.motion.pose).numpy()
    knees = angles[:, [JOINT["left_knee"], JOINT["right_knee"]], 0]
    assert knees.min() > 0.0 and 0.8 < knees.max() < 1.6, "backwards only, rad"
    assert np.linalg.norm(angles[:, [JOINT["left_hip"], JOINT["right_hip"]]], axis=-1).max() < 1.0
    arms = walker.truth.joints[:, [JOINT["left_wrist"], JOINT["right_wrist"]], 1]
    assert float(arms.max()) < float(walker.truth.joints[:, JOINT["neck"], 1].min())


def test_the_mesh_stays_above_the_floor():
    body, clip = load(), demo_clip()
    motion = clip.truth.motion
    vertices = body.vertices(HumanMotion(motion.pose[None], motion.trans[None], motion.betas[None], motion.betas_of))
    lowest = vertices[0, :, :, 1].amin(-1)
    assert float(lowest.min()) > -0.002 and float(lowest.max()) < 0.02


def test_other_rates_give_the_same_walk(walker):
    body = load()
    dense = demo_clip(body, 200, 60.0).truth.joints[::2]
    assert float((dense - walker.truth.joints).norm(dim=-1).mean()) < 0.01


def test_case_reads_back_and_is_repeatable(tmp_path):
    case, truth = demo_case(2)
    again, _ = demo_case(2)
    assert all(np.array_equal(case[key], again[key]) for key in case)
    write_case(tmp_path / "demo.npz", case, truth)
    clip = read_case(tmp_path / "demo.npz")
    assert clip.body.betas_of == "anny24" and clip.rest_joints is None
    assert float((clip.observations.keypoints[..., 2] > 0).float().mean()) > 0.9
