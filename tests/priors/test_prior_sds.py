"""Score distillation: the identity of eq. 3, stop-gradient, batch independence, levels."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from diffopt_priors.mdm import weights
from diffopt_priors.mdm.sds import SDS, channel_weight
from diffopt_priors.mdm.targets import Inversion
from hypothesis import given, settings
from hypothesis import strategies as st
from prior_cases import Streams, tiny_card

ONES = torch.ones(263)
NOW, HALF = torch.tensor(0.0), torch.tensor(0.5)


def _sds(**settings: object) -> SDS:
    torch.manual_seed(0)
    denoiser = weights.build(tiny_card()).eval().requires_grad_(False)
    for parameter in denoiser.network.parameters():  # a fresh network says nothing
        parameter.add_(0.05 * torch.randn_like(parameter))
    return SDS(denoiser, ONES, **settings)  # type: ignore[arg-type]


def _x(batch: int, windows: int = 2, frames: int = 12) -> torch.Tensor:
    return torch.randn(batch, windows, frames, 263, generator=torch.Generator().manual_seed(3))


def _frame_weight(x: torch.Tensor) -> torch.Tensor:
    return torch.full(x.shape[1:3], 1 / (x.shape[1] * x.shape[2]))


@settings(max_examples=15, deadline=None)
@given(body=st.integers(5, 990), root=st.integers(5, 990), seed=st.integers(0, 100))
def test_noise_residual_is_the_motion_residual_times_alpha_over_sigma(body: int, root: int, seed: int) -> None:
    denoiser = _sds().denoiser.double()
    generator = torch.Generator().manual_seed(seed)
    x, eps = torch.randn(2, 1, 8, 263, generator=generator, dtype=torch.float64)
    t, root_t = torch.tensor([body]), torch.tensor([root])
    x_t = denoiser.noised(x, t, root_t, eps)
    x0 = denoiser.predict(x_t, t, root_t)
    alpha, sigma = denoiser.level("alpha", t, root_t), denoiser.level("sigma", t, root_t)
    eps_hat = (x_t - alpha * x0) / sigma
    torch.testing.assert_close(eps_hat - eps, alpha / sigma * (x - x0), rtol=1e-6, atol=1e-7)


def test_eps_form_is_the_x0_form_weighted_by_the_signal_to_noise_ratio() -> None:
    one = _sds(form="x0", timesteps=(0.4, 0.4))
    other = dataclasses.replace(one, form="eps")
    x = _x(2)
    t = torch.tensor([round(0.4 * 999)])
    ratio = (one.denoiser.level("alpha", t, t) / one.denoiser.level("sigma", t, t))[0, 0, 0] ** 2
    values, gradients = [], []
    for sds in (one, other):
        leaf = x.clone().requires_grad_()
        value = sds.loss(leaf, _frame_weight(x), Streams([1, 2]), NOW)
        value.sum().backward()
        assert leaf.grad is not None
        values.append(value.detach())
        gradients.append(leaf.grad)
    torch.testing.assert_close(values[1], values[0] * ratio)
    torch.testing.assert_close(gradients[1], gradients[0] * ratio)


WEIGHTS = {
    "uniform": lambda a, s: 1.0, "sds": lambda a, s: s**2, "snr": lambda a, s: min(a**2 / s**2, 5) / 5,
    "fantasia": lambda a, s: a * s**2,
}  # fmt: skip


@pytest.mark.parametrize("level", [0.2, 0.6])
@pytest.mark.parametrize("weighting", WEIGHTS)
@pytest.mark.parametrize("form", ["eps", "x0"])
def test_energy_and_gradient_are_those_of_a_second_implementation(form: str, weighting: str, level: float) -> None:
    """Eq. 3 as written, in float64: the schedule from its formula, ``w |eps_hat - eps|^2`` (or ``w |x - x0|^2``) with
    the network's answer held, and its gradient ``2 w (alpha / sigma)^2 (x - x0)`` by hand."""
    sds = _sds(form=form, weighting=weighting, timesteps=(level, level))
    x = _x(1, windows=1).requires_grad_()
    value = sds.loss(x, _frame_weight(x), Streams([7]), NOW)
    value.sum().backward()
    noise = Streams([7])
    noise.uniform((1, 1))
    eps = noise.normal((1, 1, 12, 263)).flatten(0, 2).double().numpy()
    t = round(level * 999)
    curve = np.cos((np.arange(t + 2) / 1000 + 0.008) / 1.008 * np.pi / 2) ** 2
    signal = np.prod(1 - np.minimum(1 - curve[1:] / curve[:-1], 0.999))
    alpha, sigma = signal**0.5, (1 - signal) ** 0.5
    y = x.detach().flatten(0, 1).double().numpy()
    x_t = alpha * y + sigma * eps
    with torch.no_grad():
        at = torch.tensor([t])
        x0 = sds.denoiser.double().predict(torch.from_numpy(x_t), at, at).numpy()
    eps_hat = (x_t - alpha * x0) / sigma
    error, factor = (eps_hat - eps, (alpha / sigma) ** 2) if form == "eps" else (y - x0, 1.0)
    weight = WEIGHTS[weighting](alpha, sigma)
    torch.testing.assert_close(value.double(), torch.tensor([weight * np.mean(error**2)]), rtol=1e-4, atol=1e-7)
    gradient = torch.from_numpy(2 * weight * factor * (y - x0) / y.size)
    assert x.grad is not None
    torch.testing.assert_close(x.grad[0].double(), gradient, rtol=1e-3, atol=1e-6 * float(gradient.abs().max()) + 1e-7)


def test_gradient_is_the_residual_and_skips_the_network() -> None:
    sds = _sds(timesteps=(0.5, 0.5))
    x = _x(1, windows=1).requires_grad_()
    sds.loss(x, _frame_weight(x), Streams([7]), NOW).sum().backward()
    noise = Streams([7])
    noise.uniform((1, 1))
    eps = noise.normal((1, 1, 12, 263)).flatten(0, 2)
    t = torch.tensor([round(0.5 * 999)])
    target = sds.targets(x.detach().flatten(0, 1), t, t, eps)
    expected = 2 * (x.detach().flatten(0, 1) - target) / (263 * 12)
    assert x.grad is not None
    torch.testing.assert_close(x.grad[0], expected)
    assert all(p.grad is None for p in sds.denoiser.parameters())


@pytest.mark.parametrize("root", [None, (0.9, 1.0)])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"target_steps": 3},
        {"inversion": Inversion(3, 0.3)},
        {"target_steps": 2, "inversion": Inversion(2, 0.0), "schedule": "truncated"},
    ],
)
def test_clips_together_equal_clips_alone(root: tuple[float, float] | None, settings: dict[str, object]) -> None:
    sds = _sds(samples=2, root_timesteps=root, **settings)
    x = _x(3)
    seen = torch.rand(x.shape, generator=torch.Generator().manual_seed(5))
    together = sds.loss(x, _frame_weight(x), Streams([1, 2, 3]), HALF, seen)
    again = sds.loss(x, _frame_weight(x), Streams([1, 2, 3]), HALF, seen)
    parts = [slice(i, i + 1) for i in range(3)]
    alone = [sds.loss(x[p], _frame_weight(x), Streams([p.start + 1]), HALF, seen[p]) for p in parts]
    torch.testing.assert_close(together, torch.cat(alone))
    assert torch.equal(together, again)


@pytest.mark.parametrize("weighting", ["uniform", "sds", "snr", "fantasia"])
def test_weights_are_finite_and_as_named(weighting: str) -> None:
    sds = _sds(weighting=weighting)
    t = torch.arange(0, 1000, 37)
    w = sds.weight(t, t)[:, 0, 0]
    alpha, sigma = (sds.denoiser.level(k, t, t)[:, 0, 0] for k in ("alpha", "sigma"))
    expected = {
        "uniform": torch.ones_like(w),
        "sds": sigma**2,
        "snr": (alpha**2 / sigma**2).clamp(max=5) / 5,
        "fantasia": alpha * sigma**2,
    }[weighting]
    torch.testing.assert_close(w, expected)


def test_levels_stay_in_range_and_anneal() -> None:
    sds = _sds(timesteps=(0.1, 0.6), root_timesteps=(0.5, 0.9))
    body, root = sds.levels(50, Streams([0, 1]), NOW)
    assert body.min() >= 99 and body.max() <= 600
    assert (root >= body).all() and root.max() <= 900


@pytest.mark.parametrize(("schedule", "middle"), [("annealed", 0.6 - 0.5 * 0.5**0.5), ("linear", 0.35)])
def test_descending_schedules_are_one_level_for_all(schedule: str, middle: float) -> None:
    sds = _sds(timesteps=(0.1, 0.6), schedule=schedule, samples=2)
    for progress, share in ((0.0, 0.6), (0.5, middle), (1.0, 0.1)):
        levels = sds.levels(3, Streams([0, 1]), torch.tensor(progress))[0]
        assert levels.eq(round(share * 999)).all() and levels.shape == (2, 2, 3)


@pytest.mark.parametrize("progress", [0.0, 0.25, 0.5, 1.0])
def test_truncated_levels_fill_a_range_whose_top_falls(progress: float) -> None:
    sds = _sds(timesteps=(0.1, 0.6), schedule="truncated")
    levels = sds.levels(400, Streams([0]), torch.tensor(progress))[0].float() / 999
    top = 0.6 - 0.5 * progress
    assert levels.min() >= 0.1 - 1e-3 and levels.max() <= top + 1e-3
    assert (levels.mean() - (0.1 + top) / 2).abs() < 0.02 and (levels.max() - top).abs() < 0.02


def test_contacts_carry_no_weight() -> None:
    weight = channel_weight(263, 4.0)
    assert weight[259:].sum() == 0 and weight[:3].tolist() == [4.0] * 3 and weight[3:259].eq(1).all()
