"""Schedules, steps and sampling loops against the official implementation."""

from __future__ import annotations

import pytest
import torch
from diffopt_priors.mdm.denoiser import Denoiser, cosine_betas, linear_betas
from diffopt_priors.mdm.network import MDM
from diffopt_priors.mdm.targets import Targets
from goldens import Arrays, golden
from prior_cases import mdm_of

data = golden("diffusion.npz")
loop = golden("diffusion.npz", "mdm_small.npz")


def denoiser(steps: int, network: MDM | None = None) -> Denoiser:
    """One level, features as they are."""
    with torch.device("meta"):
        network = network or MDM(width=8, layers=1, feedforward=8)
    width = network.input_process.poseEmbedding.in_features
    zero, one = torch.zeros(width), torch.ones(width)
    return Denoiser(network, cosine_betas(steps), mean=zero, std=one, offsets=torch.zeros(24, 3))


@pytest.mark.parametrize("steps", [50, 1000])
def test_schedule(data: Arrays, steps: int) -> None:
    torch.testing.assert_close(cosine_betas(steps), data[f"cosine{steps}/betas"], rtol=1e-12, atol=0)
    made, signal = denoiser(steps), data[f"cosine{steps}/alphas_cumprod"]
    torch.testing.assert_close(made.alpha, signal.sqrt().float(), rtol=1e-6, atol=0)
    torch.testing.assert_close(made.sigma, (1 - signal).sqrt().float(), rtol=1e-6, atol=0)


def test_linear(data: Arrays) -> None:
    torch.testing.assert_close(linear_betas(1000), data["linear1000/betas"], rtol=1e-12, atol=0)


@pytest.mark.parametrize("steps", [50, 1000])
def test_steps(data: Arrays, steps: int) -> None:
    def of(name: str) -> torch.Tensor:
        return data[f"cosine{steps}/{name}"].flatten(1).unsqueeze(1)

    t, (x0, noise, x_t, guess) = data[f"cosine{steps}/t"], map(of, ("x0", "noise", "x_t", "pred_x0"))
    made = denoiser(steps)
    made.trajectory = torch.zeros(x0.shape[-1], dtype=torch.bool)
    implied, (below, above) = Targets(made).noise_of(x_t, guess, t, t), (t - 1, (t + 1).clamp(max=steps - 1))
    lower, upper = made.noised(guess, below, below, implied), made.noised(guess, above, above, implied)
    found = {
        "q_sample": made.noised(x0, t, t, noise),
        "eps_from_x0": implied,
        "ddim_eta0": torch.where((t > 1)[:, None, None], lower, of("ddim_eta0")),
        "ddim_reverse": torch.where((t + 1 < steps)[:, None, None], upper, of("ddim_reverse")),
    }
    # Noise that is found by a quotient is as far off as float32 makes its numerator. The official step down from 1
    # takes 1 - alpha^2 in float32, which leaves three digits of it.
    sigma = made.sigma[t][:, None, None]
    for name, value in found.items():
        assert torch.allclose(value * sigma, of(name) * sigma, rtol=2e-6, atol=5e-6), name


def test_whole_sampling_loops(loop: Arrays) -> None:
    """DDIM as samples are drawn; the ancestral loop of Ho et al. (2020) written out here, for the network's sake."""
    network = mdm_of(loop, "uncond")
    made = denoiser(50, network)
    betas = cosine_betas(50)
    signal = torch.cumprod(1 - betas, 0)
    before = torch.cat([signal.new_ones(1), signal[:-1]])
    of_x0, of_xt = betas * before.sqrt() / (1 - signal), (1 - before) * (1 - betas).sqrt() / (1 - signal)
    spread = (betas * (1 - before) / (1 - signal)).sqrt()
    start = loop["loop50/init_noise"].squeeze(2).mT
    ancestral, implicit = start, start
    with torch.no_grad():
        for step, noise in zip(range(49, -1, -1), loop["loop50/step_noise"], strict=True):
            t = torch.tensor([step])
            mean = of_x0[step].float() * network(ancestral, t) + of_xt[step].float() * ancestral
            ancestral = mean + spread[step].float() * noise.squeeze(2).mT
            x0 = made.predict(implicit, t, t)
            noise_of_x0 = Targets(made).noise_of(implicit, x0, t, t)
            implicit = made.noised(x0, t - 1, t - 1, noise_of_x0) if step else x0
    torch.testing.assert_close(ancestral, loop["loop50/ddpm_sample"].squeeze(2).mT, rtol=0, atol=1e-5)
    torch.testing.assert_close(implicit, loop["loop50/ddim_sample"].squeeze(2).mT, rtol=0, atol=1e-5)
