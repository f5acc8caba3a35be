"""Frames, rates and invariances of HuMoR's states."""

from __future__ import annotations

import torch
from diffopt_core.data.geometry import forward_kinematics
from diffopt_core.data.rotation import axis_angle_to_matrix, yaw_to_matrix
from diffopt_core.data.skeleton import PARENTS
from diffopt_priors.humor.network import NUM_JOINTS
from diffopt_priors.humor.states import (
    angular_rate,
    frame_of,
    heading_turn,
    into,
    out_of,
    part,
    pivot_of,
    rate,
    states,
    to_z_up,
    transitions,
)
from humor_cases import walk
from prior_cases import motion, rest_joints

REST = rest_joints()[None].double()
ZERO = torch.zeros(3).double()


def doubled(frames: int = 12, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    return motion(batch, frames, dtype=torch.float64)


def test_z_up_is_a_proper_rotation_that_lifts_y() -> None:
    turn = to_z_up(torch.eye(3)).mT  # images of the axes, as columns
    torch.testing.assert_close(torch.linalg.det(turn), torch.tensor(1.0))
    torch.testing.assert_close(turn @ torch.tensor([0.0, 1.0, 0.0]), torch.tensor([0.0, 0.0, 1.0]))
    points = torch.randn(5, 3)
    torch.testing.assert_close(to_z_up(points) @ turn, points)


def test_joints_are_the_kinematics_of_the_states_own_pose() -> None:
    pose, root = doubled()
    found = states(pose, root, REST, 30.0, ZERO)
    rotations = torch.cat([part(found, "root_orient"), part(found, "pose_body")], -1).unflatten(-1, (NUM_JOINTS, 3, 3))
    _, where = forward_kinematics(rotations, REST[:, None, :NUM_JOINTS], PARENTS[:NUM_JOINTS])
    joints = where + part(found, "trans").unsqueeze(2)
    torch.testing.assert_close(joints.flatten(2), part(found, "joints"))
    torch.testing.assert_close(part(found, "joints")[..., 2], root[..., 1])  # height is z


def test_rates_are_per_second_and_central() -> None:
    time = torch.arange(9).double() / 30
    path = torch.stack([2 * time, 3 * time**2, 0 * time], -1)[None]
    velocity = rate(path, 30.0)[0]
    torch.testing.assert_close(velocity[:, 0], torch.full((9,), 2.0).double())
    torch.testing.assert_close(velocity[1:-1, 1], 6 * time[1:-1])
    spin = torch.stack([0 * time, 0 * time, 1.5 * time], -1)
    found = angular_rate(axis_angle_to_matrix(spin)[None], 30.0)[0, 1:-1]
    torch.testing.assert_close(found, torch.tensor([0.0, 0.0, 1.5]).double().expand(7, 3), rtol=1e-3, atol=1e-9)


def test_a_walk_goes_along_y_with_its_right_on_x() -> None:
    pose, root = walk(10)
    past, _ = transitions(states(pose, root, REST.float(), 30.0, ZERO.float()))
    assert (part(past, "trans")[..., :2].abs() < 1e-6).all()
    velocity = part(past, "trans_vel")[0, 4]
    torch.testing.assert_close(velocity[:2], torch.tensor([0.0, 1.2]), rtol=0, atol=1e-4)
    joints = part(past, "joints").unflatten(-1, (-1, 3))
    assert (joints[..., 2, 0] > 0).all() and (joints[..., 1, 0] < 0).all()  # right hip, left hip


def test_transitions_do_not_see_place_and_heading() -> None:
    pose, root = doubled()
    turn = yaw_to_matrix(torch.tensor(2.1).double())
    moved = root @ turn.mT + torch.tensor([3.0, 0.0, -7.0]).double()
    turned = torch.cat([turn @ pose[:, :, :1], pose[:, :, 1:]], 2)
    before = transitions(states(pose, root, REST, 30.0, ZERO))
    after = transitions(states(turned, moved, REST, 30.0, ZERO))
    for a, b in zip(before, after, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-8)


def test_frames_are_undone() -> None:
    pose, root = doubled()
    offset = torch.tensor([0.01, -0.23, 0.03]).double()
    found = states(pose, root, REST, 30.0, offset)
    pivot = pivot_of(found)
    torch.testing.assert_close(pivot, torch.tensor([0.01, -0.23, 0.0]).double().expand_as(pivot))
    frame = frame_of(found, pivot)
    torch.testing.assert_close(out_of(into(found, frame), frame), found)
    # joints turn about the pelvis, wherever `trans` is
    torch.testing.assert_close(part(into(found, frame), "joints")[..., :2], pivot[..., :2])


def test_the_heading_of_a_body_that_lies_down_has_a_finite_gradient() -> None:
    orient = torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])  # left is straight down
    orient = orient.clone().requires_grad_(True)
    heading_turn(orient).sum().backward()
    assert orient.grad is not None and orient.grad.isfinite().all()
