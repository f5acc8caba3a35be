"""The prior's weight by its own residual: less where it does not know the motion, full where nothing else is known."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from diffopt_core.host.testing.problem import make_problem
from diffopt_core.interfaces import TellsWeight
from diffopt_core.types import Scene
from diffopt_priors.cards import MDM_WEIGHTS
from diffopt_priors.configs import MDMConfig
from diffopt_priors.mdm import spread, weights
from diffopt_priors.mdm.features import CONTACTS, DIM, TRAJECTORY
from diffopt_priors.mdm.spread import GROUPS, Likelihood, membership


@pytest.fixture(scope="module")
def shipped():
    return weights.load(MDM_WEIGHTS.resolve("open"))


@pytest.fixture(scope="module")
def likelihood(shipped) -> Likelihood:
    return Likelihood.of(shipped[0], shipped[1]["spread"], (2, 40))


def ask(likelihood: Likelihood, factor: float, seen: float = 1.0, level: int = 300) -> torch.Tensor:
    """Weights of a residual that is ``factor`` times the bound of known motion, everywhere."""
    squared = (factor * likelihood.bound[level] @ likelihood.member.T).expand(2, 40, DIM)
    t = torch.full((2,), level)
    likelihood.told.fill_(1.0)
    return likelihood(squared, t, t, torch.full_like(squared, seen))


def test_every_channel_is_in_one_group():
    member = membership()
    assert member.shape == (DIM, len(GROUPS)) and (member.sum(1) == 1).all() and (member.sum(0) > 0).all()
    path = GROUPS.index("path")
    assert all(member[k, path] == 1 for k in TRAJECTORY) and member[CONTACTS, path].all()
    assert member[3, GROUPS.index("height")].all()


def test_weight_never_rises_with_the_residual_and_falls_as_its_inverse(likelihood):
    found = [ask(likelihood, factor) for factor in (0.1, 1.0, 2.0, 10.0, 100.0)]
    assert all((a >= b - 1e-6).all() for a, b in pairwise(found))
    torch.testing.assert_close(found[0], found[1])  # known motion: no difference
    torch.testing.assert_close(found[3], found[1] / 10, rtol=1e-3, atol=1e-6)


def test_full_weight_where_the_image_shows_nothing(likelihood):
    torch.testing.assert_close(ask(likelihood, 100.0, seen=0.0), ask(likelihood, 1.0))
    half = ask(likelihood, 100.0, seen=0.5)
    assert (ask(likelihood, 100.0) < half).all() and (half < ask(likelihood, 1.0)).all()


def test_a_strange_part_loses_its_weight_and_the_others_keep_theirs(likelihood):
    own = replace(likelihood, told=torch.ones(1, 60))
    t = torch.tensor([300])
    squared = (0.5 * likelihood.bound[300] @ likelihood.member.T).expand(1, 60, DIM).clone()
    arms = likelihood.member[:, GROUPS.index("arms pose")] == 1
    squared[:, 40:, arms] *= 100
    found = own(squared, t, t, torch.ones_like(squared))
    usual = ask(likelihood, 0.5)[:1, :1]
    assert (found[:, 50:, arms] < 0.2 * usual[..., arms]).all()
    torch.testing.assert_close(found[:, :20], usual.expand(1, 20, DIM))
    assert (own.told[:, :20] > 0.9999).all() and (own.told[:, 50:] < 1).all()
    torch.testing.assert_close(found[..., ~arms], usual[..., ~arms].expand(1, 60, -1))


def test_sure_levels_weigh_more(likelihood):
    clean, noisy = (ask(likelihood, 0.1, level=level)[0, 0] for level in (50, 700))
    assert (clean > noisy).float().mean() > 0.95
    torch.testing.assert_close(ask(likelihood, 0.1, level=300)[0, 0], torch.ones(DIM), rtol=0.02, atol=0)


def test_measured_again_it_is_what_the_card_says(shipped):
    denoiser, card = shipped
    x = denoiser.spectral.colour(torch.randn(4, 40, DIM, generator=torch.Generator().manual_seed(1))) * 0.1
    found = spread.measure(denoiser, x)
    assert found["groups"] == card["spread"]["groups"] and found["levels"] == card["spread"]["levels"]
    assert all(b >= 0 for row in found["bound"] for b in row)
    # Noisier levels are harder, in the mean over the groups.
    means = [sum(row) for row in found["mean"]]
    assert means[0] < means[4] < means[-1]


def energy(**settings) -> torch.Tensor:
    ctx = make_problem(2, 24, layout="coco17")
    term = MDMConfig(weights="open", **settings).build(ctx)
    scene = Scene(ctx.initial, ctx.camera, torch.tensor(0.5), {})
    return term(scene)


def test_strange_motion_pulls_less_than_its_square():
    plain, bounded = (energy(weighting=w, timesteps=(0.3, 0.3)) for w in ("uniform", "likelihood"))
    assert (bounded > 0).all() and torch.isfinite(bounded).all() and (bounded < plain).all()


def test_the_weight_is_told_by_frame_at_the_clips_own_rate():
    for fps in (30.0, 60.0, 25.0):
        ctx = replace(make_problem(2, 70, layout="coco17"), fps=fps)
        term = MDMConfig(weights="open", weighting="likelihood", window=20).build(ctx)
        assert isinstance(term, TellsWeight) and torch.allclose(term.weight(), torch.ones(2, 70))
        term(Scene(ctx.initial, ctx.camera, torch.tensor(0.5), {}))
        told = term.weight()
        assert told.shape == (2, 70) and told.max() < 1 + 1e-5 and told.min() < 1
    assert MDMConfig(weights="open").build(ctx).weight() is None


def test_weights_without_a_spread_count_as_knowing_no_more_than_the_variance(shipped, tmp_path):
    denoiser, card = shipped
    bare = {k: v for k, v in card.items() if k not in ("spread", "format")}
    weights.save(tmp_path / "bare.safetensors", denoiser.state_dict(), bare)
    ctx = make_problem(1, 24)
    term = MDMConfig(weights=str(tmp_path / "bare.safetensors"), weighting="likelihood").build(ctx)
    sigma = denoiser.sigma[300] ** 2
    torch.testing.assert_close(term.sds.likelihood.bound[300], sigma.expand(len(GROUPS)), rtol=0.02, atol=0)
    assert torch.isfinite(term(Scene(ctx.initial, ctx.camera, torch.tensor(0.5), {}))).all()
