"""The foot policy: what is held does not move, what need not move does not, and what moved is told."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
import torch
from diffopt_core.data.geometry import forward_kinematics
from diffopt_core.data.rotation import axis_angle_to_matrix, geodesic
from diffopt_core.data.skeleton import JOINT, PARENTS
from diffopt_exports.configs import MotionOptions
from diffopt_exports.feet import standing_feet
from diffopt_exports.legs import POINTS, bend, between
from diffopt_exports.performance import perform
from exports_cases import apart, bare, sliding, walk
from hypothesis import given, settings
from hypothesis import strategies as st


def steps_of_held(joints, standing):
    """m: the way of the held point (the ball where it stands, else the ankle) between frames that hold it."""
    ways = []
    for foot, (ankle, ball) in enumerate(POINTS):
        on_ball = standing[:, foot, 1]
        for joint, held in ((ball, on_ball), (ankle, standing[:, foot, 0] & ~on_ball)):
            ways.append(joints[:, joint].diff(dim=0).norm(dim=-1)[held[1:] & held[:-1]])
    return torch.cat(ways)


@pytest.mark.parametrize("fps", [None, 60.0, 120.0])
def test_held_feet_stand_still(fps):
    result = sliding()
    before = standing_feet("auto", result.joints.double(), 30.0)
    assert steps_of_held(result.joints, before).mean() > 4e-3, "the case slides"
    done = perform(result, MotionOptions(feet="auto", fps=fps))
    plain = perform(result, MotionOptions(fps=fps))
    step = 1 if fps is None else int(fps / 30)
    assert steps_of_held(done.joints[::step], before).max() < 1e-3
    told = done.facts["feet"]
    assert told["stands"] >= 4 and told["slide_after_mm_per_frame"] < 0.1 < told["slide_before_mm_per_frame"]
    assert told["joint_displacement_max_mm"] == pytest.approx(1e3 * apart(done.joints, plain.joints), abs=0.01)
    assert geodesic(done.pose[:, 12:], plain.pose[:, 12:]).max() < 1e-6, "only the legs move"


def test_held_through_a_lower_rate():
    done = perform(sliding(), MotionOptions(feet="auto", fps=10.0))
    whole = perform(sliding(), MotionOptions(feet="auto"))
    assert apart(done.joints, whole.joints[::3]) < 1e-5


def test_feet_keep_their_orientation_and_legs_their_length():
    result = sliding()
    done = perform(result, MotionOptions(feet="auto"))
    given_, _ = forward_kinematics(result.motion.pose.double(), done.figure.rest, PARENTS)
    found, _ = forward_kinematics(done.pose, done.figure.rest, PARENTS)
    for name in ("left_ankle", "right_ankle", "left_foot"):
        assert geodesic(found[:, JOINT[name]], given_[:, JOINT[name]]).max() < 1e-4
    for a, b in (("left_hip", "left_knee"), ("right_knee", "right_ankle")):
        lengths = (done.joints[:, JOINT[a]] - done.joints[:, JOINT[b]]).norm(dim=-1)
        assert lengths.std() < 1e-6


def test_nothing_pops():
    """The correction fades in and out: no joint is thrown about between two frames."""
    result = sliding()
    done = perform(result, MotionOptions(feet="auto"))
    added = (done.joints - result.joints.double()).diff(dim=0).norm(dim=-1)
    assert added.max() < 0.06, "m per frame"


def test_never_is_the_identity_and_a_good_walk_hardly_moves():
    assert torch.equal(perform(sliding(), MotionOptions(feet="never")).joints.float(), sliding().joints)
    told = perform(walk(120), MotionOptions(feet="auto")).facts["feet"]
    assert told["foot_displacement_mean_mm"] < 30


def test_auto_leaves_a_treadmill_alone(caplog):
    result = walk(120)
    belt = torch.zeros(120, 3)
    belt[:, 2] = torch.arange(120) * -0.015  # 0.45 m/s: slow enough to pass for standing
    moved = replace(result, joints=result.joints + belt[:, None],
                    motion=replace(result.motion, trans=result.motion.trans + belt))  # fmt: skip
    done = perform(moved, MotionOptions(feet="auto"))
    assert done.facts["feet"]["stands_locked"] < done.facts["feet"]["stands"] and "were not locked" in caplog.text
    assert done.facts["feet"]["foot_displacement_max_mm"] <= 150


def test_always_holds_more_than_auto():
    auto, always = (perform(sliding(), MotionOptions(feet=f)).facts["feet"] for f in ("auto", "always"))
    assert always["standing_share"] > auto["standing_share"]


@pytest.mark.parametrize("make", [walk, bare])
@pytest.mark.parametrize("height", [0.3, -0.2])
def test_ground_only_lifts_or_lowers(make, height):
    result = make(60)
    off = torch.tensor([0.0, height, 0.0])
    moved = replace(result, joints=result.joints + off, motion=replace(result.motion, trans=result.motion.trans + off))
    done = perform(moved, MotionOptions(feet="ground"))
    shift = done.joints - moved.joints.double()
    assert shift[..., [0, 2]].abs().max() < 1e-6 and (shift[..., 1] - shift[0, 0, 1]).abs().max() < 1e-6
    assert done.facts["feet"]["lifted_mm"] == pytest.approx(1e3 * float(shift[0, 0, 1]), abs=0.01)
    assert shift[0, 0, 1] == pytest.approx(-height, abs=0.02), "the demonstration walks on the floor"
    assert torch.equal(done.pose.float(), result.motion.pose)


def test_the_displacement_is_logged(caplog):
    with caplog.at_level(logging.INFO, "diffopt_exports"):
        perform(sliding(), MotionOptions(feet="auto"))
    assert "contacts locked" in caplog.text and "mm" in caplog.text


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.3, 0.99))
def test_legs_reach_what_is_in_reach(seed, share):
    random = torch.Generator().manual_seed(seed)
    vector = torch.randn(4, 3, generator=random, dtype=torch.float64)
    hip = vector[:1]
    thigh, shank = axis_angle_to_matrix(vector[1:2]), axis_angle_to_matrix(vector[1:2] + 0.5 * vector[2:3])
    down = torch.tensor([0.0, -0.45, 0.0], dtype=torch.float64)
    knee = hip + thigh @ down
    ankle = knee + shank @ down
    target = hip + 0.9 * share * torch.nn.functional.normalize(vector[3:4], dim=-1)
    new_thigh, new_shank = bend(hip, knee, ankle, target, thigh, shank)
    assert apart(hip + new_thigh @ down + new_shank @ down, target) < 1e-6
    eye = torch.eye(3, dtype=torch.float64)
    assert (new_thigh @ new_thigh.mT - eye).abs().max() < 1e-6


def test_between_turns_one_direction_into_the_other():
    a, b = torch.randn(2, 50, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    turned = (between(a, b) @ torch.nn.functional.normalize(a, dim=-1)[..., None])[..., 0]
    assert apart(turned, torch.nn.functional.normalize(b, dim=-1)) < 1e-9
