"""``prior/smooth``: what it charges for, and what it lets pass."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix, yaw_to_matrix
from diffopt_core.errors import DiffOptError
from diffopt_core.host.testing import PriorContract, make_problem, make_scene
from diffopt_core.types import Scene
from diffopt_smplify.priors import SmoothConfig
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

NUMBER = st.floats(-2, 2)


class TestSmooth(PriorContract):
    name = "smooth"
    any_dtype = True


def energy(scene: Scene, fps: float = 30.0, **options: float) -> Tensor:
    frames = scene.motion.trans.shape[1]
    ctx = make_problem(1, frames, dtype=torch.float64, fps=fps)
    return SmoothConfig(**options).build(ctx)(scene)


def gliding(velocity: tuple[float, ...], frames: int = 9) -> Scene:
    """The first pose of a clip, carried along at a constant velocity, m per frame."""
    ctx = make_problem(1, frames, dtype=torch.float64)
    along = torch.arange(frames, dtype=torch.float64)[:, None] * torch.tensor(velocity, dtype=torch.float64)
    motion = replace(ctx.initial, pose=ctx.initial.pose[:, :1].expand(-1, frames, -1, -1, -1), trans=along[None])
    return make_scene(ctx, motion, needs=frozenset({"joints"}))


@settings(max_examples=20, deadline=None)
@given(st.tuples(NUMBER, NUMBER, NUMBER))
def test_constant_velocity_is_free(velocity: tuple[float, ...]) -> None:
    assert energy(gliding(velocity)).item() < 1e-12


def test_a_joint_that_turns_at_a_constant_rate_is_free_of_angular_acceleration() -> None:
    scene = gliding((0.0, 0.0, 0.0))
    turn = torch.zeros(1, 9, 24, 3, dtype=torch.float64)
    turn[..., 20, 0] = 0.2 * torch.arange(9)
    motion = replace(scene.motion, pose=axis_angle_to_matrix(turn))
    assert energy(replace(scene, motion=motion), rotations=1.0).item() < 1e-12


@pytest.mark.parametrize("joint", [15, 20, 22])
def test_what_moves_no_joint_is_seen(joint: int) -> None:
    scene = gliding((0.0, 0.0, 0.0))
    turn = torch.zeros(1, 9, 24, 3, dtype=torch.float64)
    turn[:, ::2, joint, 0] = 0.3
    shaking = replace(scene, motion=replace(scene.motion, pose=axis_angle_to_matrix(turn)))
    assert energy(shaking).item() > 0.1
    assert energy(shaking, rotations=0.0).item() < 1e-12


@settings(max_examples=15, deadline=None)
@given(st.floats(-3, 3), st.tuples(NUMBER, NUMBER, NUMBER))
def test_heading_and_place_do_not_matter(angle: float, shift: tuple[float, ...]) -> None:
    ctx = make_problem(1, 9, dtype=torch.float64)
    yaw = yaw_to_matrix(torch.tensor(angle, dtype=torch.float64))
    pose = ctx.initial.pose.clone()
    pose[:, :, 0] = yaw @ pose[:, :, 0]
    trans = ctx.initial.trans @ yaw.mT + torch.tensor(shift, dtype=torch.float64)
    needs = frozenset({"joints"})
    moved = make_scene(ctx, replace(ctx.initial, pose=pose, trans=trans), needs=needs)
    torch.testing.assert_close(energy(moved), energy(make_scene(ctx, needs=needs)), rtol=1e-6, atol=1e-9)


def test_the_unit_is_the_typical_acceleration() -> None:
    scene = gliding((0.0, 0.0, 0.0))
    assert scene.joints is not None
    fall = 5.0 * (torch.arange(9, dtype=torch.float64) / 30.0).square()  # 10 m/s^2
    falling = replace(scene, joints=scene.joints - fall[None, :, None, None] * torch.tensor([0.0, 1.0, 0.0]))
    assert energy(falling, rotations=0.0).item() == pytest.approx(1.0)
    assert energy(falling, rotations=0.0, acceleration=20.0).item() == pytest.approx(0.25)


def test_gradient_is_right() -> None:
    ctx = make_problem(1, 4, dtype=torch.float64)
    function = SmoothConfig().build(ctx)
    scene = make_scene(ctx, needs=frozenset({"joints"}))

    def value(pose: Tensor, joints: Tensor) -> Tensor:
        return function(replace(scene, motion=replace(scene.motion, pose=pose), joints=joints))

    assert scene.joints is not None
    inputs = (ctx.initial.pose.clone().requires_grad_(), scene.joints.clone().requires_grad_())
    assert torch.autograd.gradcheck(value, inputs, eps=1e-7, rtol=1e-3, atol=1e-2, fast_mode=True)


def test_too_short_a_clip_is_refused() -> None:
    with pytest.raises(DiffOptError, match="2 frames is too short"):
        SmoothConfig().build(make_problem(1, 2))
