"""Long clips as overlapping fields: nothing lost, no seam, and short clips as they were."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffopt_core.host.testing import make_problem
from diffopt_core.parts.representations.configs import NemoConfig
from diffopt_core.parts.representations.motion_field import MotionField, Parts
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(deadline=None)
@given(frames=st.integers(3, 900), longest=st.integers(3, 220), overlap=st.integers(1, 80))
def test_what_is_split_comes_back(frames: int, longest: int, overlap: int) -> None:
    like = torch.randn(2, frames, 3, dtype=torch.float64)
    parts = Parts(frames, longest, overlap, like)
    pieces = parts.split(like)
    assert pieces.shape == (2 * parts.count, parts.length, 3)
    assert parts.length <= max(longest, 3)
    torch.testing.assert_close(parts.join(pieces), like)


def test_a_short_clip_is_one_part_and_is_left_alone() -> None:
    like = torch.randn(2, 100, 3)
    parts = Parts(100, 200, 30, like)
    assert parts.count == 1
    assert parts.split(like) is like and parts.join(like) is like


def test_parts_that_differ_fade_into_one_another() -> None:
    """Two parts a metre apart: the way from one to the other takes the whole overlap, without a jump."""
    like = torch.zeros(1, 300, 1)
    parts = Parts(300, 200, 100, like)
    apart = torch.zeros(2, parts.length, 1)
    apart[1] = 1.0
    path = parts.join(apart)[0, :, 0]
    steps = path.diff()
    assert path[0] == 0.0 and path[-1] == 1.0
    assert bool((steps >= 0).all()) and steps.max() < 2.0 / 100


def test_field_of_a_long_clip_has_leaves_of_its_own_for_every_part() -> None:
    ctx = make_problem(2, 90)
    config = NemoConfig(hidden=8, layers=1, window=40, overlap=10)
    field = config.build(ctx)
    assert isinstance(field, MotionField) and field.parts.count == 3
    for leaves in field.variables().values():
        for leaf in leaves:
            assert leaf.shape[:2] == (2, 3)
    motion = field.motion()
    assert motion.pose.shape == (2, 90, 24, 3, 3) and motion.trans.shape == (2, 90, 3)


def test_a_leaf_of_one_part_moves_the_frames_of_that_part_only() -> None:
    ctx = make_problem(1, 90)
    field = NemoConfig(hidden=8, layers=1, window=40, overlap=10).build(ctx)
    before = field.motion().trans.clone()
    with torch.no_grad():
        field.variables()["trans"][-1][0, 0] += 1.0  # the bias of the first part's last layer
    moved = (field.motion().trans - before).norm(dim=-1)[0] > 1e-6
    last = int(moved.nonzero().max())
    assert moved[:20].all() and last < 40


@pytest.mark.parametrize(
    ("name", "more"), [("phase", {"warp": True, "warp_nodes": 9}), ("encoding", {"encoding": "rbf"})]
)
def test_learned_phase_and_encoding_work_in_parts(name: str, more: dict[str, Any]) -> None:
    field = NemoConfig(hidden=8, layers=1, window=40, overlap=10, centres=11, **more).build(make_problem(2, 90))
    leaves = [leaf.requires_grad_(True) for leaf in field.variables()[name]]
    grads = torch.autograd.grad(field.motion().trans.square().sum(), leaves)
    assert all(leaf.shape[:2] == (2, 3) for leaf in leaves)
    assert all(bool((grad.flatten(2).norm(dim=-1) > 0).all()) for grad in grads)
