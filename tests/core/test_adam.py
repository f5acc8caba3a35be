"""Adam: the arithmetic of torch's, which only the tests import."""

from __future__ import annotations

import pytest
import torch
from diffopt_core.solver.variables import Adam
from torch import Tensor

SHAPES = ((2, 30, 32, 3), (2, 1), (2, 30, 3))  # whole blocks of the kernel, and not
RATES = (1e-3, 0.05, 0.3)
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def leaves(device: str) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    made = [torch.randn(shape, generator=generator) for shape in SHAPES]
    made.append(torch.randn(30, 2, 3, generator=generator).transpose(0, 1))  # as views lie in memory
    return [leaf.to(device) for leaf in made]


def gradients(at: list[Tensor], step: int) -> list[Tensor]:
    """Of every size, some of them exactly zero."""
    return [(torch.sin(leaf * (step + 1)) - leaf.roll(1)).relu() * 10.0 ** (step % 7 - 4) for leaf in at]


@pytest.mark.parametrize("device", DEVICES)
def test_equals_torch(device: str) -> None:
    ours, theirs, rates = leaves(device), leaves(device), [*RATES, 0.01]
    groups = [{"params": [leaf], "lr": rate} for leaf, rate in zip(theirs, rates, strict=True)]
    ours_adam, theirs_adam = Adam(ours, rates), torch.optim.Adam(groups, fused=True)
    before, stays = leaves(device), torch.tensor([True, False], device=device)
    for step in range(400):
        given = gradients(ours, step)
        for leaf, gradient in zip(theirs, given, strict=True):
            leaf.grad = gradient.clone()
        ours_adam.step(given)
        theirs_adam.step()
        if step in (150, 300):
            ours_adam.slow_down(0.1)
            for group in theirs_adam.param_groups:
                group["lr"] *= 0.1
        if step % 50 == 49:  # a clip is put back, and its moments are not
            for leaf, old in zip((*ours, *theirs), (*before, *before), strict=True):
                leaf[stays] = old[stays]
    assert torch.equal(ours[0], theirs[0])
    for one, other, start in zip(ours, theirs, before, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
        assert one.isfinite().all() and not torch.equal(one[~stays], start[~stays])


def test_a_clip_has_the_same_bits_alone() -> None:
    ours = leaves("cpu")
    alone = [leaf[1:].clone() for leaf in ours]
    adam, one = Adam(ours, [0.01] * 4), Adam(alone, [0.01] * 4)
    for step in range(20):
        given = gradients(ours, step)
        adam.step(given)
        one.step([gradient[1:] for gradient in given])
    assert all(torch.equal(many[1:], single) for many, single in zip(ours, alone, strict=True))


def test_every_leaf_is_seen_to_change() -> None:
    ours = leaves("cpu")
    versions = [leaf._version for leaf in ours]
    Adam(ours, [0.01] * 4).step(gradients(ours, 0))
    assert all(leaf._version > before for leaf, before in zip(ours, versions, strict=True))


def test_a_clip_that_is_not_finite_leaves_the_others_alone() -> None:
    ours, broken = leaves("cpu"), leaves("cpu")
    adam, hurt = Adam(ours, [0.01] * 4), Adam(broken, [0.01] * 4)
    for step in range(5):
        given = gradients(ours, step)
        adam.step(given)
        for gradient in given:
            gradient[1] = torch.nan
        hurt.step(given)
    for one, other in zip(ours, broken, strict=True):
        assert torch.equal(one[0], other[0]) and other[1].isnan().all()
