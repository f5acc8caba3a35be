"""Free tensors: an exact start, and steps that add up."""

from __future__ import annotations

import pytest
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.host.testing import make_problem
from diffopt_core.parts.representations.configs import RawConfig
from torch import Tensor


@pytest.mark.parametrize("trans", ["position", "velocity"])
def test_start_is_the_initial_motion(trans: str) -> None:
    ctx = make_problem(2, 40, dtype=torch.float64)
    motion = RawConfig(trans=trans).build(ctx).motion()
    torch.testing.assert_close(motion.pose, ctx.initial.pose, rtol=0.0, atol=1e-12)
    torch.testing.assert_close(motion.trans, ctx.initial.trans, rtol=0.0, atol=1e-12)
    assert motion.betas_of == ctx.initial.betas_of and torch.equal(motion.betas, ctx.initial.betas)


def test_one_step_of_a_velocity_moves_the_rest_of_the_path() -> None:
    ctx = make_problem(1, 10, dtype=torch.float64)
    raw = RawConfig(trans="velocity").build(ctx)
    before = raw.motion().trans
    raw.variables()["trans"][1][:, 3] += 0.25
    moved = (raw.motion().trans - before)[0, :, 0]
    torch.testing.assert_close(moved, torch.tensor([0.0] * 4 + [0.25] * 6, dtype=torch.float64))


@pytest.mark.parametrize("angle", [0.0, 1e-9, torch.pi, torch.pi - 1e-9])
def test_gradient_at_the_identity_and_at_half_a_turn(angle: float) -> None:
    ctx = make_problem(1, 4)
    ctx.initial.pose[:] = axis_angle_to_matrix(torch.tensor([0.0, angle, 0.0]))
    raw = RawConfig().build(ctx)
    leaves = [leaf.requires_grad_(True) for group in raw.variables().values() for leaf in group]
    motion = raw.motion()
    grads = torch.autograd.grad(motion.pose.sum() + motion.trans.sum(), leaves)
    assert all(grad.isfinite().all() for grad in grads)


def test_gradient_agrees_with_differences() -> None:
    ctx = make_problem(1, 3, dtype=torch.float64)

    def value(orient: Tensor, trans: Tensor) -> tuple[Tensor, Tensor]:
        raw = RawConfig().build(ctx)
        raw.orient, raw.trans = orient, [trans]
        motion = raw.motion()
        return motion.pose[:, :, 0], motion.trans

    raw = RawConfig().build(ctx)
    inputs = [raw.orient.requires_grad_(True), raw.trans[0].requires_grad_(True)]
    assert torch.autograd.gradcheck(value, inputs)
