"""Schedules and closed-form steps against the official implementation."""

from __future__ import annotations

import pytest
import torch
from diffopt_priors.mdm.diffusion import Diffusion, cosine_betas, linear_betas, respaced_betas, respaced_steps
from goldens import Arrays, golden
from prior_cases import mdm_of

data = golden("diffusion.npz")
loop = golden("diffusion.npz", "mdm_small.npz")

TABLES = {
    "alphas_cumprod": "signal",
    "alphas_cumprod_prev": "signal_before",
    "sqrt_alphas_cumprod": "alpha",
    "sqrt_one_minus_alphas_cumprod": "sigma",
    "sqrt_recip_alphas_cumprod": "recip_alpha",
    "sqrt_recipm1_alphas_cumprod": "ratio",
    "posterior_variance": "variance",
    "posterior_log_variance_clipped": "log_variance",
    "posterior_mean_coef1": "mean_x0",
    "posterior_mean_coef2": "mean_xt",
}


@pytest.mark.parametrize("steps", [50, 1000])
def test_schedule(data: Arrays, steps: int) -> None:
    betas = cosine_betas(steps)
    torch.testing.assert_close(betas, data[f"cosine{steps}/betas"], rtol=1e-12, atol=0)
    diffusion = Diffusion(betas)
    held = [name for name in TABLES if f"cosine{steps}/{name}" in data]  # the small golden holds fewer of 1000
    assert {"alphas_cumprod", "posterior_log_variance_clipped", "posterior_mean_coef2"} <= set(held)
    for name in held:
        expected = data[f"cosine{steps}/{name}"].float()
        torch.testing.assert_close(diffusion.get_buffer(TABLES[name]), expected, rtol=1e-6, atol=0)


def test_linear_and_respaced(data: Arrays) -> None:
    torch.testing.assert_close(linear_betas(1000), data["linear1000/betas"], rtol=1e-12, atol=0)
    for name, sections in {"n50": "50", "ddim50": "ddim50", "n10_15_20": "10,15,20"}.items():
        kept = respaced_steps(1000, sections)
        assert kept == data[f"respaced_{name}/timestep_map"].tolist()
        betas = respaced_betas(cosine_betas(1000), kept)
        torch.testing.assert_close(betas, data[f"respaced_{name}/betas"], rtol=1e-9, atol=1e-12)


def test_impossible_respacing_is_refused() -> None:
    with pytest.raises(ValueError, match="stride"):
        respaced_steps(1000, "ddim999")
    with pytest.raises(ValueError, match="section"):
        respaced_steps(10, "11")


@pytest.mark.parametrize("steps", [50, 1000])
def test_steps(data: Arrays, steps: int) -> None:
    def of(name: str) -> torch.Tensor:
        return data[f"cosine{steps}/{name}"]

    d = Diffusion(cosine_betas(steps))
    t, x0, noise, x_t, guess = (of(k) for k in ("t", "x0", "noise", "x_t", "pred_x0"))
    mean, variance, log_variance = d.posterior(guess, x_t, t)
    results = {
        "q_sample": d.q_sample(x0, t, noise),
        "post_mean": mean,
        "post_var": variance.expand_as(x_t),
        "post_logvar": log_variance.expand_as(x_t),
        "eps_from_x0": d.noise_of(x_t, t, guess),
        "x0_from_eps": d.x0_of(x_t, t, noise),
        "p_sample": d.ancestral(x_t, t, guess, noise),
        "p_sample_clip": d.ancestral(x_t, t, guess.clamp(-1, 1), noise),
        "ddim_eta0": d.ddim(x_t, t, guess),
        "ddim_eta05": d.ddim(x_t, t, guess, noise, eta=0.5),
        "ddim_reverse": d.ddim_reverse(x_t, t, guess),
    }
    for name, value in results.items():
        torch.testing.assert_close(value, of(name), rtol=2e-6, atol=2e-6, msg=lambda m, name=name: f"{name}: {m}")


def test_whole_sampling_loops(loop: Arrays) -> None:
    network = mdm_of(loop, "uncond")
    d = Diffusion(cosine_betas(50))
    start = loop["loop50/init_noise"].squeeze(2).mT
    ancestral, implicit = start, start
    with torch.no_grad():
        for step, noise in zip(range(49, -1, -1), loop["loop50/step_noise"], strict=True):
            t = torch.tensor([step])
            ancestral = d.ancestral(ancestral, t, network(ancestral, t), noise.squeeze(2).mT)
            implicit = d.ddim(implicit, t, network(implicit, t))
    torch.testing.assert_close(ancestral, loop["loop50/ddpm_sample"].squeeze(2).mT, rtol=0, atol=1e-5)
    torch.testing.assert_close(implicit, loop["loop50/ddim_sample"].squeeze(2).mT, rtol=0, atol=1e-5)
