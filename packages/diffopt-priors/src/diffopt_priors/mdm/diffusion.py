"""Gaussian diffusion with a fixed schedule (Ho et al. 2020; cosine: Nichol and Dhariwal 2021).

Step index 0 is the least noisy. Coefficients are computed in float64 and held as float32 buffers, so a step
is a gather and a multiply-add on the device. ``t`` is ``[B]`` (or ``[B 1 D]``-broadcastable after gathering).
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from jaxtyping import Int
from torch import Tensor, nn


def cosine_betas(steps: int, largest: float = 0.999) -> Tensor:
    """Betas of the squared-cosine signal level, clipped at ``largest``; float64 ``[steps]``."""
    signal = [math.cos((i / steps + 0.008) / 1.008 * math.pi / 2) ** 2 for i in range(steps + 1)]
    values = [min(1 - after / before, largest) for before, after in pairwise(signal)]
    return torch.tensor(values, dtype=torch.float64)


def linear_betas(steps: int) -> Tensor:
    """Ho et al.'s linear betas, scaled so that any number of steps ends equally noisy; float64 ``[steps]``."""
    scale = 1000 / steps
    return torch.linspace(scale * 1e-4, scale * 0.02, steps, dtype=torch.float64)


def respaced_steps(steps: int, sections: str) -> list[int]:
    """Original steps kept by a shorter schedule: "50", "10,15,20" (equal sections) or "ddim50" (fixed stride)."""
    if sections.startswith("ddim"):
        wanted = int(sections.removeprefix("ddim"))
        for stride in range(1, steps):
            if len(range(0, steps, stride)) == wanted:
                return list(range(0, steps, stride))
        raise ValueError(f"no integer stride keeps exactly {wanted} of {steps} steps")
    counts = [int(part) for part in sections.split(",")]
    size, extra = divmod(steps, len(counts))
    kept: list[int] = []
    start = 0
    for i, count in enumerate(counts):
        length = size + (i < extra)
        if length < count:
            raise ValueError(f"cannot keep {count} of a section of {length} steps")
        # A running sum, as the official code has it: the rounding of half steps depends on it.
        gap, position = (length - 1) / (count - 1) if count > 1 else 1.0, 0.0
        for _ in range(count):
            kept.append(start + round(position))
            position += gap
        start += length
    return sorted(set(kept))


def respaced_betas(betas: Tensor, kept: list[int]) -> Tensor:
    """Betas that reproduce the cumulative signal level at the kept steps; float64."""
    signal = torch.cumprod(1 - betas.double(), 0)[kept]
    previous = torch.cat([signal.new_ones(1), signal[:-1]])
    return 1 - signal / previous


class Diffusion(nn.Module):
    """Schedule buffers and the closed-form steps. ``x0`` is always what the network predicts."""

    def __init__(self, betas: Tensor) -> None:
        super().__init__()
        betas = betas.double()
        signal = torch.cumprod(1 - betas, 0)
        before = torch.cat([signal.new_ones(1), signal[:-1]])
        after = torch.cat([signal[1:], signal.new_zeros(1)])
        variance = betas * (1 - before) / (1 - signal)
        # The first posterior variance is 0: its log repeats the second, as every implementation does.
        log_variance = torch.cat([variance[1:2], variance[1:]]).log()
        self.steps = len(betas)
        table = {
            "betas": betas,
            "signal": signal,
            "signal_before": before,
            "signal_after": after,
            "alpha": signal.sqrt(),
            "sigma": (1 - signal).sqrt(),
            "recip_alpha": (1 / signal).sqrt(),
            "ratio": (1 / signal - 1).sqrt(),
            "variance": variance,
            "log_variance": log_variance,
            "mean_x0": betas * before.sqrt() / (1 - signal),
            "mean_xt": (1 - before) * (1 - betas).sqrt() / (1 - signal),
        }
        for name, values in table.items():
            self.register_buffer(name, values.float(), persistent=False)

    def at(self, name: str, t: Int[Tensor, "B"], like: Tensor) -> Tensor:
        """Coefficient ``name`` at steps ``t``, shaped to broadcast over ``like``."""
        values: Tensor = self.get_buffer(name)[t]
        return values.reshape(values.shape + (1,) * (like.dim() - values.dim()))

    def q_sample(self, x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """Eq. 1: x_t = alpha_t x0 + sigma_t noise."""
        return self.at("alpha", t, x0) * x0 + self.at("sigma", t, x0) * noise

    def noise_of(self, x_t: Tensor, t: Tensor, x0: Tensor) -> Tensor:
        """Noise implied by x_t and x0."""
        return (self.at("recip_alpha", t, x_t) * x_t - x0) / self.at("ratio", t, x_t)

    def x0_of(self, x_t: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """x0 implied by x_t and noise."""
        return self.at("recip_alpha", t, x_t) * x_t - self.at("ratio", t, x_t) * noise

    def posterior(self, x0: Tensor, x_t: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mean, variance and clipped log variance of q(x_{t-1} | x_t, x0)."""
        mean = self.at("mean_x0", t, x_t) * x0 + self.at("mean_xt", t, x_t) * x_t
        return mean, self.at("variance", t, x_t), self.at("log_variance", t, x_t)

    def ancestral(self, x_t: Tensor, t: Tensor, x0: Tensor, noise: Tensor) -> Tensor:
        """One ancestral step to x_{t-1} with the small fixed variance; no noise at t = 0."""
        mean, _, log_variance = self.posterior(x0, x_t, t)
        return mean + self._not_first(t, x_t) * (0.5 * log_variance).exp() * noise

    def ddim(self, x_t: Tensor, t: Tensor, x0: Tensor, noise: Tensor | None = None, eta: float = 0.0) -> Tensor:
        """One DDIM step to x_{t-1} (Song et al. 2021, eq. 12)."""
        implied = self.noise_of(x_t, t, x0)
        now, before = self.at("signal", t, x_t), self.at("signal_before", t, x_t)
        spread = eta * ((1 - before) / (1 - now)).sqrt() * (1 - now / before).sqrt()
        mean = x0 * before.sqrt() + (1 - before - spread**2).sqrt() * implied
        return mean if noise is None else mean + self._not_first(t, x_t) * spread * noise

    def ddim_reverse(self, x_t: Tensor, t: Tensor, x0: Tensor) -> Tensor:
        """One deterministic step up to x_{t+1} (DDIM inversion)."""
        after = self.at("signal_after", t, x_t)
        return x0 * after.sqrt() + (1 - after).sqrt() * self.noise_of(x_t, t, x0)

    @staticmethod
    def _not_first(t: Tensor, like: Tensor) -> Tensor:
        return (t != 0).to(like.dtype).reshape(t.shape + (1,) * (like.dim() - t.dim()))
