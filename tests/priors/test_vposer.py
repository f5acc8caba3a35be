"""``prior/vposer`` as the host sees it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix, geodesic, yaw_to_matrix
from diffopt_core.errors import DiffOptError
from diffopt_core.host.recipe import difference, load, parse
from diffopt_core.host.registry import Registry
from diffopt_core.host.testing import PriorContract, forbid_host_sync
from diffopt_core.interfaces import OwnsVariables
from diffopt_core.parts.demo_motion.walk import walk
from diffopt_priors.configs import VPoserConfig
from diffopt_priors.vposer import weights
from diffopt_priors.vposer.network import JOINTS, body_of
from prior_cases import Streams, context, motion, rest_joints, scene
from pydantic import ValidationError
from torch import Tensor
from vposer_cases import network


class TestVPoser(PriorContract):
    name = "vposer"


class TestLikelihoodAlone(PriorContract):
    name = "vposer"
    options: ClassVar = {"reconstruction": 0.0}


class TestLatent(PriorContract):
    name = "vposer"
    options: ClassVar = {"form": "latent"}


@pytest.fixture(scope="module")
def random(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A random weight file."""
    path = tmp_path_factory.mktemp("weights") / "random.safetensors"
    weights.export(path, network("v2"), {})
    return str(path)


@pytest.fixture(scope="module")
def walking() -> tuple[Tensor, Tensor]:
    made = walk(rest_joints().double().numpy(), 60, 30.0)
    return made.pose.float().unsqueeze(0), made.trans.float().unsqueeze(0)


def value(pose: Tensor, trans: Tensor, **options: object) -> Tensor:
    return VPoserConfig(**options).build(context(pose, trans, Streams([0] * len(pose))))(scene(pose, trans))


def noisy(pose: Tensor, degrees: float, seed: int = 0) -> Tensor:
    noise = torch.randn(*pose.shape[:-2], 3, generator=torch.Generator().manual_seed(seed))
    return pose @ axis_angle_to_matrix(noise * (torch.pi / 180 * degrees / 3**0.5))


@pytest.mark.parametrize("form", ["nll", "latent"])
def test_world_and_hands_do_not_matter(random: str, form: str) -> None:
    pose, trans = motion(2, 8)
    other = pose.clone()
    other[:, :, 0] = yaw_to_matrix(torch.tensor(1.0)) @ pose[:, :, 0]
    other[:, :, 22:] = noisy(other[:, :, 22:], 30)
    before, after = value(pose, trans, weights=random, form=form), value(other, trans + 5, weights=random, form=form)
    torch.testing.assert_close(before, after, rtol=1e-5, atol=0)


def test_every_body_joint_matters(random: str) -> None:
    pose, trans = motion(1, 4)
    pose.requires_grad_(True)
    value(pose, trans, weights=random).sum().backward()
    moved = pose.grad.abs().sum((0, 1, 3, 4)) > 0
    assert moved.tolist() == [False] + [True] * JOINTS + [False] * 2


def test_likelihood_is_that_of_the_encoded_pose(random: str) -> None:
    pose, trans = motion(2, 5)
    made, _ = weights.load(Path(random))
    found = value(pose, trans, weights=random, reconstruction=0.0)
    body = body_of(pose)
    for clip in range(2):
        vectors = torch.stack([_vector(frame) for frame in body[clip].flatten(0, 1)]).view(5, JOINTS, 3)
        mean, _ = made.encode(vectors)
        torch.testing.assert_close(found[clip], 0.5 * mean.square().mean(), rtol=1e-4, atol=0)


def _vector(matrix: Tensor) -> Tensor:
    """Axis-angle of one rotation, by the skew part."""
    angle = ((matrix.trace() - 1) / 2).clamp(-1, 1).acos()
    skew = torch.stack([matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]])
    return skew * (angle / (2 * angle.sin()))


@pytest.mark.parametrize("form", ["nll", "latent"])
def test_a_walk_is_worth_as_much_as_under_other_priors(walking: tuple[Tensor, Tensor], form: str) -> None:
    assert 0.05 < float(value(*walking, form=form).detach()) < 2.5


def test_noise_costs_more_the_more_there_is(walking: tuple[Tensor, Tensor]) -> None:
    pose, trans = walking
    values = [float(value(noisy(pose, degrees), trans)) for degrees in (0.0, 5.0, 10.0, 20.0)]
    assert values == sorted(values) and values[-1] > 3 * values[0]


def test_descent_takes_noise_out_of_a_pose(walking: tuple[Tensor, Tensor]) -> None:
    pose, trans = walking
    start = noisy(pose, 12.0)
    turn = torch.zeros(*start.shape[:-2], 3, requires_grad=True)
    energy = VPoserConfig().build(context(start, trans, Streams([0])))
    optimiser = torch.optim.Adam([turn], lr=5e-3)
    for _ in range(60):
        optimiser.zero_grad()
        energy(scene(start @ axis_angle_to_matrix(turn), trans)).sum().backward()
        optimiser.step()
    made = start @ axis_angle_to_matrix(turn.detach())
    before, after = (geodesic(body_of(each), body_of(pose)).mean() for each in (start, made))
    assert after < 0.9 * before


def test_the_latent_form_owns_a_code_a_frame(random: str) -> None:
    pose, trans = motion(2, 7)
    energy = VPoserConfig(weights=random, form="latent").build(context(pose, trans, Streams([0, 1])))
    assert isinstance(energy, OwnsVariables)
    (z,) = energy.variables()["z"]
    assert z.shape == (2, 7, 32) and z.is_leaf
    likelihood = VPoserConfig(weights=random).build(context(pose, trans, Streams([0, 1])))
    # At its start the code is the encoded pose, and both forms agree.
    seen = scene(pose, trans)
    with forbid_host_sync():
        latent, nll = energy(seen), likelihood(seen)
    torch.testing.assert_close(latent, nll)
    grad = torch.autograd.grad(latent.sum(), z)[0]
    assert grad.isfinite().all() and grad.abs().sum((1, 2)).gt(0).all()


def test_a_code_that_no_stage_frees_is_an_error(random: str) -> None:
    pose, trans = motion(1, 3)
    energy = VPoserConfig(weights=random, form="latent").build(context(pose, trans, Streams([0])))
    energy.variables()["z"][0].requires_grad_(False)
    with pytest.raises(DiffOptError, match=r"prior\.\*.*vposer-latent"):
        energy(scene(pose, trans))


def test_a_code_may_rest_after_it_has_moved(random: str) -> None:
    pose, trans = motion(1, 3)
    energy = VPoserConfig(weights=random, form="latent").build(context(pose, trans, Streams([0])))
    first = energy(scene(pose, trans))
    energy.variables()["z"][0].requires_grad_(False)
    torch.testing.assert_close(energy(scene(pose, trans)), first.detach())


@pytest.mark.parametrize("frames", [1, 2])
def test_clips_may_be_as_short_as_a_frame(random: str, frames: int) -> None:
    assert value(*motion(1, frames), weights=random).isfinite().all()


@pytest.mark.parametrize("options", [{"form": "map"}, {"spread": 0}, {"tie": -1}, {"weight": 1}])
def test_settings_are_checked(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        VPoserConfig.model_validate(options)
    assert all(field.description for field in VPoserConfig.model_fields.values())


def test_recipes_name_the_prior() -> None:
    known = Registry.load().recipes
    row, latent, paper = (parse(load(name, known)).dump() for name in ("table5/vposer", "vposer-latent", "paper"))
    changed = {key for key, _, _ in difference(row, paper)}
    assert changed <= {"summary", "prior", "prior.name"} and row["prior"]["name"] == "vposer"
    assert latent["prior"]["name"] == "vposer"
    for stage, block in (("guide", "human"), ("finetune", "all"), ("single", "all")):
        spec = latent["stage"][stage][block]
        assert "prior.*" in spec["free"] and "prior" in spec["terms"]
