"""The neural motion field: agreement with NeMo's published code, its start, its derivatives, what it can fit."""

from __future__ import annotations

from dataclasses import replace

import nemo_twin
import pytest
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix, geodesic
from diffopt_core.host.testing import disturbed, make_problem
from diffopt_core.parts.representations.configs import NemoConfig
from diffopt_core.parts.representations.mlp import fourier, phase, radial, warp
from diffopt_core.parts.representations.motion_field import MotionField
from goldens import Arrays, golden
from torch import Tensor

nemo = golden("nemo_field.npz", twin=nemo_twin.arrays)


def _original(nemo: Arrays, clips: int) -> MotionField:
    """The three-network field with the published code's weights in every clip."""
    frames = nemo["phase"].shape[0]
    ctx = make_problem(clips, frames)
    ctx = replace(ctx, initial=replace(ctx.initial, trans=torch.zeros_like(ctx.initial.trans)))
    config = NemoConfig.original().model_copy(update={"hidden": len(nemo["v0_trans/sd/net.0.bias"])})
    field = config.build(ctx)
    assert isinstance(field, MotionField)
    nets = {
        "v0_pose/sd/": (field.pose, ("net.net.0", "net.net.2", "net.net.4", "linear")),
        "v0_orient/sd/": (field.orient, ("net.net.0", "net.net.2", "net.net.4", "linear")),
        "v0_trans/sd/": (field.trans, ("net.0", "net.2", "net.4")),
    }
    for prefix, (net, layers) in nets.items():
        assert len(net.weights) == len(layers)
        for k, layer in enumerate(layers):
            net.weights[k].copy_(nemo[f"{prefix}{layer}.weight"].expand_as(net.weights[k]))
            net.biases[k].copy_(nemo[f"{prefix}{layer}.bias"].expand_as(net.biases[k]))
    return field


def test_three_networks_agree_with_nemo(nemo: Arrays) -> None:
    field = _original(nemo, clips=3)
    torch.testing.assert_close(field.tau[0], nemo["phase"], rtol=0.0, atol=1e-7)
    x = field.tau.mT.expand(3, -1, -1)
    motion = field.motion()
    for clip in range(3):
        torch.testing.assert_close(field.pose(x)[clip].T, nemo["v0_pose/rot6d"], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(field.orient(x)[clip].T, nemo["v0_orient/rot6d"], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(motion.pose[clip, :, 1:], nemo["v0_pose/rotmat"], rtol=1e-5, atol=3e-6)
        torch.testing.assert_close(motion.pose[clip, :, :1], nemo["v0_orient/rotmat"], rtol=1e-5, atol=3e-6)
        torch.testing.assert_close(field.trans(x)[clip].T, nemo["v0_trans/raw"], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(motion.trans[clip], nemo["v0_trans/trans"], rtol=1e-5, atol=1e-6)
    joints = axis_angle_to_matrix(nemo["v0_pose/pose"].unflatten(-1, (23, 3)))
    torch.testing.assert_close(motion.pose[0, :, 1:], joints, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kernel", ["quadratic", "linear", "gaussian"])
def test_radial_basis_agrees_with_nemo(nemo: Arrays, kernel: str) -> None:
    centres, widths = nemo["v2_rbf/sd/centres"].T[None], nemo["v2_rbf/sd/log_sigmas"][None, None]
    found = radial(nemo["phase"][None], centres, widths, kernel)[0]
    torch.testing.assert_close(found, nemo[f"v2_rbf/out_{kernel}"], rtol=1e-5, atol=1e-6)


def test_monotone_warp_agrees_with_nemo(nemo: Arrays) -> None:
    shifts, scales = nemo["monotonic/sd/shifts"][None], nemo["monotonic/sd/scales"][None]
    found = warp(nemo["phase"][None], shifts, scales)[0]
    # The published code divides by the rise plus 1e-6, and so ends just below 1; this one ends at 1.
    torch.testing.assert_close(found, nemo["monotonic/out"], rtol=0.0, atol=3e-6)


def test_warp_is_monotone_and_keeps_the_ends() -> None:
    draw = torch.Generator().manual_seed(0)
    shifts, scales = torch.rand(4, 9, generator=draw), 30 * torch.randn(4, 9, generator=draw)
    found = warp(phase(50, shifts), shifts, scales)
    assert (found.diff(dim=1) >= 0).all()
    torch.testing.assert_close(found[:, 0], torch.zeros(4, 1))
    torch.testing.assert_close(found[:, -1], torch.ones(4, 1))


def test_fourier_features() -> None:
    tau = phase(5, torch.zeros(1, dtype=torch.float64))
    x = fourier(tau, 3)[0]
    assert x.shape == (5, 7)
    torch.testing.assert_close(x[:, 0], torch.linspace(-1, 1, 5, dtype=torch.float64))
    torch.testing.assert_close(x[:, 2], torch.sin(2 * torch.pi * tau[0, :, 0]), rtol=0.0, atol=1e-12)
    torch.testing.assert_close(x[:, 6], torch.cos(4 * torch.pi * tau[0, :, 0]), rtol=0.0, atol=1e-12)


def test_one_frame_has_a_phase() -> None:
    assert phase(1, torch.zeros(1)).tolist() == [[[0.0]]]


def test_start_is_the_mean_of_the_valid_frames() -> None:
    ctx = make_problem(2, 20, dtype=torch.float64)
    valid = ctx.observations.valid
    ctx.initial.trans[~valid] = 1e3
    motion = NemoConfig(head_gain=1e-6).build(ctx).motion()
    spread = geodesic(motion.pose[:, :1], motion.pose).max()
    assert spread < 1e-3, "nearly one pose at the start"
    weight = valid.double()[:, :, None]
    mean = (ctx.initial.trans * weight).sum(1) / weight.sum(1)
    assert (motion.trans.mean(1) - mean).norm(dim=-1).max() < 0.5


def test_every_clip_starts_from_the_same_weights_and_the_seed_decides_them() -> None:
    def weights(clips: int, seed: int) -> list[Tensor]:
        ctx = replace(make_problem(clips, 12), seed=seed)
        return [leaf for leaves in NemoConfig().build(ctx).variables().values() for leaf in leaves]

    for many, one, other in zip(weights(3, 5), weights(1, 5), weights(1, 6), strict=True):
        assert torch.equal(many, one.expand_as(many))
        assert one.shape == other.shape
    assert not torch.equal(weights(1, 5)[0], weights(1, 6)[0])


def test_size_of_one_network_does_not_change_the_start_of_another() -> None:
    ctx = make_problem(1, 12)
    short, tall = NemoConfig(trans_layers=1).build(ctx), NemoConfig(trans_layers=4).build(ctx)
    assert torch.equal(short.motion().pose, tall.motion().pose)


def test_first_frame_can_be_pinned_by_construction() -> None:
    ctx = make_problem(2, 12)
    motion = NemoConfig(origin="first").build(ctx).motion()
    torch.testing.assert_close(motion.trans[:, 0], ctx.initial.trans[:, 0])


@pytest.mark.parametrize(
    "config",
    [
        NemoConfig(hidden=8, activation="silu"),
        NemoConfig(hidden=8, layers=2),
        NemoConfig(hidden=8, encoding="rbf", centres=6, kernel="gaussian", warp=True, warp_nodes=5),
        NemoConfig(hidden=8, encoding="none", offset="none", origin="first", metres=2.0),
    ],
    ids=["silu", "relu", "rbf-warp", "plain"],
)
def test_gradient_agrees_with_differences(config: NemoConfig) -> None:
    ctx = make_problem(2, 7, dtype=torch.float64)
    field = config.build(ctx)
    draw = torch.Generator().manual_seed(1)
    leaves = [leaf for group in field.variables().values() for leaf in group]
    for leaf in leaves:
        # Off the start, where heads are near zero and say little.
        leaf.add_(0.1 * torch.randn(leaf.shape, generator=draw, dtype=leaf.dtype)).requires_grad_(True)

    wanted = disturbed(ctx)

    def distance() -> Tensor:
        motion = field.motion()
        return (motion.pose - wanted.pose).square().sum() + (motion.trans - wanted.trans).square().sum()

    grads = torch.autograd.grad(distance(), leaves)
    directions = [torch.randn(leaf.shape, generator=draw, dtype=leaf.dtype) for leaf in leaves]
    slope = sum((grad * way).sum() for grad, way in zip(grads, directions, strict=True))
    step, ends = 1e-6, []
    with torch.no_grad():
        for sign in (1.0, -2.0):
            for leaf, way in zip(leaves, directions, strict=True):
                leaf.add_(sign * step * way)
            ends.append(distance())
    torch.testing.assert_close((ends[0] - ends[1]) / (2 * step), slope, rtol=1e-4, atol=1e-6)


def test_a_long_walk_is_learnt_in_the_steps_of_the_warm_up() -> None:
    """100 steps at the recipe's rate bring 10 m of path to centimetres and poses to a degree."""
    ctx = make_problem(1, 100)
    ctx.initial.trans[..., 0] += torch.linspace(0.0, 10.0, 100)
    field = NemoConfig().build(ctx)
    leaves = [leaf.requires_grad_(True) for group in field.variables().values() for leaf in group]
    optimiser = torch.optim.Adam(leaves, lr=6e-3)
    for step in range(100):
        if step == 60:
            optimiser.param_groups[0]["lr"] *= 0.2
        motion = field.motion()
        turned, moved = motion.pose - ctx.initial.pose, motion.trans - ctx.initial.trans
        loss = turned.square().sum((-1, -2)).mean() + moved.square().sum(-1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    motion = field.motion()
    assert (motion.trans - ctx.initial.trans).norm(dim=-1).mean() < 0.05
    assert geodesic(motion.pose, ctx.initial.pose).mean() < 0.02


def test_shifts_add_up_and_are_not_learnt() -> None:
    ctx = make_problem(1, 12)
    field = NemoConfig().build(ctx)
    before = field.motion().trans
    for _ in range(2):
        field.shift(torch.full((1, 12, 3), 0.5))
    torch.testing.assert_close(field.motion().trans, before + 1.0)
    assert all(leaf.shape != (1, 12, 3) for group in field.variables().values() for leaf in group)
