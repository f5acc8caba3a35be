"""Terms that weigh what an initializer says of the motion by how sure it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffopt_core.data.geometry import heading
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.host.testing import make_problem, make_scene
from diffopt_core.interfaces import ProblemContext
from diffopt_core.parts.terms.body import OrientationConfig, PoseConfig, SpeedConfig
from diffopt_core.parts.terms.feet import ContactConfig
from diffopt_core.types import MotionEvidence


@pytest.fixture
def ctx() -> ProblemContext:
    """A problem whose initializer knows how fast the root moves, to 0.1 m/s."""
    made = make_problem(2, 8, dtype=torch.float64)
    motion = made.initial
    up = torch.tensor([0.0, 1.0, 0.0]).double().expand_as(motion.trans)
    between = heading(motion.pose[:, 1:, 0, :, 0] + motion.pose[:, :-1, 0, :, 0], up[:, 1:])
    moved = motion.trans.diff(dim=1) * made.fps
    # velocities at frames whose means over neighbours are those between the frames
    at = (between @ moved.unsqueeze(-1)).squeeze(-1)
    told = [at[:, 0]]
    for k in range(at.shape[1]):
        told.append(2 * at[:, k] - told[-1])
    ones = torch.ones_like(motion.trans[..., 0])
    evidence = MotionEvidence(
        up=up,
        up_var=0.01 * ones,
        velocity=torch.stack(told, 1),
        velocity_var=torch.full_like(motion.trans, 0.01),
        contact=torch.ones_like(motion.pose[:, :, :4, 0, 0]),
        pose_var=torch.full_like(motion.pose[..., 0, 0], 0.04),
        depth_var=0.01 * ones,
    )
    return replace(made, evidence=evidence)


def test_speed_is_nothing_where_the_root_moves_as_told_or_nothing_is_told(ctx: ProblemContext) -> None:
    scene = make_scene(ctx, ctx.initial)
    torch.testing.assert_close(SpeedConfig().build(ctx)(scene), torch.zeros(2).double(), atol=1e-9, rtol=0)
    silent = SpeedConfig().build(replace(ctx, evidence=None))
    assert silent(scene).eq(0).all()


def test_speed_counts_what_is_sure(ctx: ProblemContext) -> None:
    """A root that stands costs the more the surer the evidence is that it moves; turning the world costs nothing."""
    stands = replace(ctx.initial, trans=ctx.initial.trans[:, :1].expand_as(ctx.initial.trans))
    term = SpeedConfig(robust=None)
    assert ctx.evidence is not None
    unsure = replace(ctx, evidence=replace(ctx.evidence, velocity_var=100 * ctx.evidence.velocity_var))
    sure, doubted = (term.build(c)(make_scene(c, stands)) for c in (ctx, unsure))
    assert (sure > 20 * doubted).all() and (doubted > 0).all()
    turn = axis_angle_to_matrix(torch.tensor([0.0, 1.1, 0.0]).double())
    pose = torch.cat([(turn @ ctx.initial.pose[:, :, 0]).unsqueeze(2), ctx.initial.pose[:, :, 1:]], 2)
    turned = replace(ctx.initial, pose=pose, trans=ctx.initial.trans @ turn.mT)
    torch.testing.assert_close(term.build(ctx)(make_scene(ctx, turned)), torch.zeros(2).double(), atol=1e-9, rtol=0)


def test_speed_is_not_known_while_no_foot_stands(ctx: ProblemContext) -> None:
    """A jumper's speed is told by what they do on the ground."""
    assert ctx.evidence is not None
    contact = torch.ones_like(ctx.evidence.contact)
    contact[:, 3:] = 0.0
    flies = replace(ctx, evidence=replace(ctx.evidence, contact=contact))
    shift = torch.zeros_like(ctx.initial.trans)
    shift[:, 4:] = torch.arange(1.0, 5.0).double().unsqueeze(-1)
    moved = replace(ctx.initial, trans=ctx.initial.trans + shift)
    ground, air = (SpeedConfig(robust=None).build(c)(make_scene(c, moved)) for c in (ctx, flies))
    assert (air < 0.01 * ground).all()


def test_speed_moves_the_root_and_turns_nobody(ctx: ProblemContext) -> None:
    pose, trans = (x.clone().requires_grad_() for x in (ctx.initial.pose, 0.5 * ctx.initial.trans))
    SpeedConfig().build(ctx)(make_scene(ctx, replace(ctx.initial, pose=pose, trans=trans))).sum().backward()
    assert trans.grad is not None and trans.grad.abs().max() > 0
    assert pose.grad is None or pose.grad.eq(0).all()


@pytest.mark.parametrize(("config", "joint"), [(PoseConfig, 5), (OrientationConfig, 0)])
def test_a_rotation_that_is_sure_counts_more(config: type, joint: int, ctx: ProblemContext) -> None:
    bent = ctx.initial.pose.clone()
    bent[:, :, joint] = bent[:, :, joint] @ axis_angle_to_matrix(torch.tensor([0.3, 0.0, 0.0]).double())
    scene = make_scene(ctx, replace(ctx.initial, pose=bent))
    assert ctx.evidence is not None
    spread = ctx.evidence.pose_var.clone()
    spread[:, :, joint] = 1.0
    doubted = replace(ctx, evidence=replace(ctx.evidence, pose_var=spread))
    plain, sure = config().build(ctx)(scene), config(sure=0.2).build(ctx)(scene)
    unsure = config(sure=0.2).build(doubted)(scene)
    torch.testing.assert_close(sure, plain * 0.04 / (0.04 + 0.01))
    assert (unsure < 0.1 * sure).all()
    torch.testing.assert_close(config(sure=0.2).build(replace(ctx, evidence=None))(scene), plain)


def test_contacts_that_are_told_hold_a_foot_that_is_high(ctx: ProblemContext) -> None:
    """The body floats: no foot is low, only the evidence knows that it stands."""
    slides = replace(ctx.initial, trans=ctx.initial.trans + torch.tensor([0.0, 2.0, 0.0]).double())
    assert ctx.evidence is not None
    flies = replace(ctx, evidence=replace(ctx.evidence, contact=torch.zeros_like(ctx.evidence.contact)))
    blind, told, denied = (c.build(x)(make_scene(x, slides)) for c, x in (
        (ContactConfig(), ctx), (ContactConfig(told=1.0), ctx), (ContactConfig(told=1.0), flies)))  # fmt: skip
    assert (told > 100 * blind).all() and denied.eq(0).all()
