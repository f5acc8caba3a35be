"""``prior/humor`` as the host sees it, in both forms."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from diffopt_core.errors import DiffOptError
from diffopt_core.host.testing import PriorContract
from diffopt_core.interfaces import OwnsVariables
from diffopt_priors.configs import HuMoRConfig
from diffopt_priors.humor.energy import HuMoRLatentPrior, HuMoRPrior, Parts, soft
from humor_cases import tiny_file, walk
from prior_cases import Streams, context, motion, rest_joints, scene
from pydantic import ValidationError

REST = rest_joints()[None]


class TestHuMoR(PriorContract):
    name = "humor"


class TestHuMoRLatent(PriorContract):
    name = "humor"
    options: ClassVar[Mapping[str, Any]] = {"form": "latent"}


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    return str(tiny_file(tmp_path))


def built(pose: torch.Tensor, trans: torch.Tensor, fps: float = 30.0, **options: Any) -> Any:
    """The prior on a problem of that motion."""
    rest = REST.expand(len(pose), 24, 3)
    return HuMoRConfig(**options).build(context(pose, trans, Streams(list(range(len(pose)))), fps, rest))


@pytest.mark.parametrize("form", ["motion", "latent"])
@pytest.mark.parametrize("fps", [30.0, 24.0, 60.0])
def test_any_frame_rate(tiny: str, fps: float, form: str) -> None:
    pose, trans = motion(2, 40)
    pose, trans = pose.requires_grad_(), trans.requires_grad_()
    value = built(pose, trans, fps, weights=tiny, form=form)(scene(pose, trans))
    assert value.shape == (2,) and value.isfinite().all()
    value.sum().backward()
    for leaf in (pose, trans):
        assert leaf.grad is not None and leaf.grad.isfinite().all() and leaf.grad.abs().sum() > 0


def test_the_same_walk_at_another_frame_rate_costs_the_same() -> None:
    costs = [float(built(*walk(frames, fps), fps)(scene(*walk(frames, fps)))) for frames, fps in ((61, 30), (101, 50))]
    assert costs[1] == pytest.approx(costs[0], rel=0.15)


@pytest.mark.parametrize("likelihood", ["kl", "nll"])
def test_place_and_heading_do_not_matter(likelihood: str) -> None:
    pose, trans = walk(20)
    half = torch.tensor([-1.0, 1.0, -1.0])
    turned = torch.cat([torch.diag(half) @ pose[:, :, :1], pose[:, :, 1:]], 2)
    moved = trans * half + torch.tensor([5.0, 0.0, 2.0])
    prior = built(pose, trans, likelihood=likelihood)
    torch.testing.assert_close(prior(scene(turned, moved)), prior(scene(pose, trans)), rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_noise_costs_more_and_descent_removes_it() -> None:
    pose, trans = walk(40)
    generator = torch.Generator().manual_seed(0)
    noisy = trans + 0.01 * torch.randn(trans.shape, generator=generator)
    prior = built(pose, trans)
    assert prior(scene(pose, noisy)) > 1.5 * prior(scene(pose, trans))
    leaf = noisy.clone().requires_grad_(True)
    adam = torch.optim.Adam([leaf], 1e-3)
    for _ in range(60):
        adam.zero_grad()
        prior(scene(pose, leaf)).sum().backward()
        adam.step()

    def jerk(x: torch.Tensor) -> float:
        return float(x.detach().diff(n=3, dim=1).norm(dim=-1).mean())

    assert jerk(leaf) < 0.7 * jerk(noisy)


def test_latents_are_variables_that_begin_at_the_posterior() -> None:
    pose, trans = walk(21)
    prior = built(pose, trans, form="latent")
    assert isinstance(prior, HuMoRLatentPrior) and isinstance(prior, OwnsVariables)
    (z,) = prior.variables()["z"]
    assert z.shape == (1, 20, 48) and z.is_leaf and z.requires_grad
    other = built(pose, trans, likelihood="nll")
    assert not isinstance(other, OwnsVariables)
    torch.testing.assert_close(prior(scene(pose, trans)), other(scene(pose, trans)))
    before = prior(scene(pose, trans))
    before.sum().backward()
    assert z.grad is not None and z.grad.abs().sum() > 0
    with torch.no_grad():
        z -= 1e-3 * z.grad / z.grad.norm()
        assert prior(scene(pose, trans)) < before


def test_contacts_want_feet_to_stand_on_the_floor(tiny: str) -> None:
    pose, trans = walk(20)
    prior = built(pose, trans, weights=tiny)
    assert isinstance(prior, HuMoRPrior)

    def parts(shift: torch.Tensor) -> Parts:
        return prior.parts(scene(pose, trans + shift).motion)

    high = parts(torch.tensor([0.0, 0.6, 0.0]))
    assert (high.contact_height.mean() > parts(torch.zeros(3)).contact_height.mean()).all()
    fast = parts(torch.linspace(0, 1, 20)[None, :, None] * torch.tensor([1.5, 0.0, 0.0]))
    assert (fast.contact_speed.mean() > parts(torch.zeros(3)).contact_speed.mean()).all()


def test_contact_probabilities_are_detached(tiny: str) -> None:
    pose, trans = walk(8)
    trans = trans.requires_grad_()
    prior = built(pose, trans, weights=tiny)
    speed = prior.parts(scene(pose, trans).motion).contact_speed.sum()
    (grad,) = torch.autograd.grad(speed, trans)
    # height moves a probability and never a speed
    torch.testing.assert_close(grad.sum(1), torch.zeros(1, 3), rtol=0, atol=1e-3)


def test_soft_is_the_identity_near_zero_and_a_logarithm_far_out() -> None:
    x = torch.tensor([-2.0, 0.0, 0.01, 1e6])
    found = soft(x, 10.0)
    torch.testing.assert_close(found[:3], x[:3], rtol=1e-3, atol=1e-6)
    assert found[3] < 120


def test_problems_that_do_not_fit_are_refused(tiny: str) -> None:
    pose, trans = motion(1, 2)
    with pytest.raises(DiffOptError, match="too short"):
        built(pose, trans, weights=tiny)
    pose, trans = motion(1, 8)
    with pytest.raises(DiffOptError, match="--body"):
        HuMoRConfig(weights=tiny).build(context(pose, trans, Streams([0])))


@pytest.mark.parametrize("options", [{"form": "other"}, {"transition": -1}, {"limit": 0}, {"latents": 3}])
def test_settings_are_checked(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        HuMoRConfig.model_validate(options)


def test_every_setting_is_described() -> None:
    assert all(field.description for field in HuMoRConfig.model_fields.values())
