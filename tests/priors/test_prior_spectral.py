"""The linear part of the embedded denoiser, the network around it, and motion played at another rate."""

from __future__ import annotations

import pytest
import torch
from diffopt_core.data.rotation import matrix_to_columns
from diffopt_core.host.train import windows
from diffopt_core.host.train.shards import Clips
from diffopt_priors.mdm import spectral, weights
from diffopt_priors.mdm.denoiser import trajectory_mask
from diffopt_priors.train.mdm import objective
from hypothesis import given, settings
from hypothesis import strategies as st
from prior_cases import motion, tiny_card
from torch import Tensor


def _process(count: int, frames: int, channels: int, decay: float, seed: int = 0) -> Tensor:
    """Independent stationary autoregressive channels of variance 1."""
    generator = torch.Generator().manual_seed(seed)
    white = torch.randn(frames, count, channels, generator=generator)
    values = [white[0]]
    for step in white[1:]:
        values.append(decay * values[-1] + (1 - decay**2) ** 0.5 * step)
    return torch.stack(values, dim=1)


def _linear(x: Tensor) -> spectral.Spectral:
    none = torch.zeros(x.shape[2], dtype=torch.bool)
    basis = spectral.principal_components(x.flatten(0, 1), none)
    return spectral.Spectral(basis, spectral.autocovariance(x @ basis.T), none)


@given(st.integers(1, 130))
@settings(max_examples=20, deadline=None)
def test_cosines_are_orthonormal(frames: int) -> None:
    table = spectral.cosines(frames)
    torch.testing.assert_close(table @ table.T, torch.eye(frames, dtype=torch.float64))


def test_components_keep_the_path_apart() -> None:
    x = torch.randn(500, 263, generator=torch.Generator().manual_seed(1))
    path = trajectory_mask(263)
    basis = spectral.principal_components(x, path)
    torch.testing.assert_close(basis @ basis.T, torch.eye(263), atol=1e-5, rtol=0)
    assert not basis[path][:, ~path].any() and not basis[~path][:, path].any()


def test_estimate_is_the_optimum_of_a_gaussian_process() -> None:
    """Against the exact posterior mean, by the covariance matrix of the process."""
    frames, decay, alpha, sigma = 24, 0.95, 0.9, 0.4
    x = _process(4000, frames, 1, decay)
    linear = _linear(x)
    level = torch.full((2000, 1, 1), alpha), torch.full((2000, 1, 1), sigma)
    fresh = _process(2000, frames, 1, decay, seed=1)
    noisy = alpha * fresh + sigma * torch.randn(fresh.shape, generator=torch.Generator().manual_seed(2))
    _, estimate, out = linear.prepare(noisy, *level)
    lag = torch.arange(frames)
    covariance = decay ** (lag[:, None] - lag).abs().float()
    gain = alpha * covariance @ torch.linalg.inv(alpha**2 * covariance + sigma**2 * torch.eye(frames))
    best = (gain @ noisy - fresh).square().mean()
    ours = (estimate @ linear.basis - fresh).square().mean()
    assert best < ours * 1.001 and ours < 1.05 * best
    assert abs(float(out.square().mean()) / float(best) - 1) < 0.1, "c_out is the error of the estimate"


def test_coloured_noise_hides_slow_and_fast_together() -> None:
    x = _process(2000, 24, 3, 0.97) * torch.tensor([2.0, 1.0, 0.1])
    white = _linear(x)
    coloured = spectral.Spectral(white.basis, white.autocovariance, white.trajectory, colour=0.5)
    noise = coloured.colour(torch.randn(4000, 24, 3, generator=torch.Generator().manual_seed(0)))
    assert float(noise.square().mean()) == pytest.approx(1.0, rel=0.03), "a level means the same on average"
    dct, _, expected = coloured.tables(24)
    measured = (dct @ (noise @ coloured.basis.T)).square().mean(0)
    torch.testing.assert_close(measured, expected, rtol=0.15, atol=1e-4)

    def spread(linear: spectral.Spectral) -> Tensor:
        _, variance, noise = linear.tables(24)
        return (variance / noise).log().std()

    assert spread(coloured) == pytest.approx(0.5 * float(spread(white)), rel=0.01)
    assert torch.equal(white.colour(noise), noise)


@pytest.mark.parametrize("colour", [0.0, 0.5])
def test_c_out_is_the_error_of_the_estimate(colour: float) -> None:
    plain = _linear(_process(4000, 24, 1, 0.95))
    linear = spectral.Spectral(plain.basis, plain.autocovariance, plain.trajectory, colour)
    x = _process(3000, 24, 1, 0.95, seed=1)
    noise = linear.colour(torch.randn(x.shape, generator=torch.Generator().manual_seed(2)))
    alpha, sigma = torch.full((3000, 1, 1), 0.8), torch.full((3000, 1, 1), 0.6)
    _, estimate, out = linear.prepare(alpha * x + sigma * noise, alpha, sigma)
    dct, _, _ = linear.tables(24)
    error = (dct @ (estimate - x @ linear.basis.T)).square().mean(0)
    torch.testing.assert_close(error, out.square().mean(0), rtol=0.15, atol=1e-3)
    torch.testing.assert_close(out[0].square(), linear.error(24, alpha[0], sigma[0]))


def test_untrained_network_leaves_the_linear_estimate() -> None:
    denoiser = weights.build(tiny_card())
    # Without measured spectra, motion is expected to stand still.
    x = torch.randn(2, 1, 263, generator=torch.Generator().manual_seed(0)).expand(-1, 20, -1)
    t = torch.tensor([0, 0])
    torch.testing.assert_close(denoiser.predict(x, t, t), x, atol=0.02, rtol=0.02)


def test_a_window_in_a_batch_is_the_window_alone() -> None:
    denoiser = weights.build(tiny_card())
    for parameter in denoiser.network.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    x = torch.randn(3, 20, 263, generator=torch.Generator().manual_seed(0))
    t, root_t = torch.tensor([10, 500, 900]), torch.tensor([10, 700, 950])
    alone = torch.cat([denoiser.predict(x[i : i + 1], t[i : i + 1], root_t[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(denoiser.predict(x, t, root_t), alone, atol=1e-5, rtol=1e-4)


def _clips(frames: int = 200) -> Clips:
    pose, trans = motion(1, frames)
    return Clips(
        matrix_to_columns(pose[0]), trans[0], torch.tensor([0]), torch.tensor([frames]), torch.ones(1), 30.0, ("a",)
    )


def test_windows_play_at_the_rate_that_was_asked() -> None:
    clips = _clips()
    for rate in (1.0, 2.0, -1.0, -2.0):
        _, trans = windows.draw(clips, 1, 40, torch.Generator().manual_seed(3), torch.tensor([rate]))
        where = (clips.trans[:, 2] - trans[0, :1, 2]).abs().argmin()
        expected = clips.trans[where + (torch.arange(40) * rate).long()]
        torch.testing.assert_close(trans[0, :, 1:], expected[:, 1:])  # x may be mirrored


def test_natural_windows_say_nothing_and_the_others_say_what_was_done() -> None:
    rate, said = objective.playback(4000, 0.25, torch.Generator().manual_seed(0), fastest=1.5)
    plain = (said == 0).all(1)
    assert abs(float(plain.float().mean()) - 0.75) < 0.03
    assert rate[plain].min() >= 0.6 and rate[plain].max() <= 1.7
    torch.testing.assert_close(rate[~plain].abs(), 2 ** said[~plain, 0])
    assert ((rate[~plain] < 0) == (said[~plain, 1] == 1)).all() and rate.abs().max() <= 1.5 + 1e-6
