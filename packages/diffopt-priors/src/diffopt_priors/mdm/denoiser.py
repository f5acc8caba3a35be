"""The denoiser: a network with feature statistics, skeleton, noise schedule and scaling.

Works on normalised features ``x = (f - mean) / std``. An official network predicts x0. The embedded one predicts the
residual of the best linear estimate (:mod:`diffopt_priors.mdm.spectral`), so at low noise levels the input is
reproduced even by a weak network.

Two noise levels: ``t`` for the body, ``root_t`` for the trajectory channels (``features.TRAJECTORY``). Equal levels are
ordinary diffusion; ``root_t`` near the end with a small ``t`` predicts the path from the articulation. The schedule is
fixed (Ho et al. 2020; cosine: Nichol and Dhariwal 2021), step 0 the least noisy; its coefficients are computed in
float64 and stored as float32 buffers.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from diffopt_priors.mdm.embedded import MotionTransformer
from diffopt_priors.mdm.features import TRAJECTORY
from diffopt_priors.mdm.network import MDM
from diffopt_priors.mdm.spectral import Spectral


def cosine_betas(steps: int) -> Tensor:
    """Betas of the squared-cosine signal level, clipped at 0.999; float64 ``[steps]``."""
    signal = [math.cos((i / steps + 0.008) / 1.008 * math.pi / 2) ** 2 for i in range(steps + 1)]
    values = [min(1 - after / before, 0.999) for before, after in pairwise(signal)]
    return torch.tensor(values, dtype=torch.float64)


def linear_betas(steps: int) -> Tensor:
    """Ho et al.'s linear betas, scaled so that any number of steps ends equally noisy; float64 ``[steps]``."""
    scale = 1000 / steps
    return torch.linspace(scale * 1e-4, scale * 0.02, steps, dtype=torch.float64)


def trajectory_mask(channels: int) -> Tensor:
    """``[D]`` bool: the channels (and components) of the horizontal path."""
    mask = torch.zeros(channels, dtype=torch.bool)
    mask[list(TRAJECTORY)] = True
    return mask


class Denoiser(nn.Module):
    """``predict(x_t, t, root_t) -> x0`` and its forward process."""

    def __init__(
        self,
        network: MDM | MotionTransformer,
        betas: Float[Tensor, "steps"],
        *,
        mean: Float[Tensor, "D"],
        std: Float[Tensor, "D"],
        offsets: Float[Tensor, "24 3"],
        spectral: Spectral | None = None,
    ) -> None:
        super().__init__()
        # The state holds only network and spectral statistics; everything else is in the card.
        self.network = network
        self.spectral = spectral
        #: Whether the network supports a separate noise level of the path, and a playback rate.
        self.two_levels = spectral is not None
        self.steps = len(betas)
        signal = torch.cumprod(1 - betas.double(), 0)
        self.alpha: Tensor
        self.sigma: Tensor
        self.register_buffer("alpha", signal.sqrt().float(), persistent=False)
        self.register_buffer("sigma", (1 - signal).sqrt().float(), persistent=False)
        self.mean: Tensor
        self.std: Tensor
        self.offsets: Tensor
        self.trajectory: Tensor
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)
        self.register_buffer("offsets", offsets, persistent=False)
        mask = trajectory_mask(len(mean)) if self.two_levels else torch.zeros(len(mean), dtype=torch.bool)
        self.register_buffer("trajectory", mask, persistent=False)

    def normalise(self, features: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Zero mean, unit block variance."""
        return (features - self.mean) / self.std

    def denormalise(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Inverse of :meth:`normalise`."""
        return x * self.std + self.mean

    def level(self, name: str, t: Int[Tensor, "B"], root_t: Int[Tensor, "B"]) -> Float[Tensor, "B 1 D"]:
        """Schedule coefficient per channel."""
        body, root = self.get_buffer(name)[torch.stack([t, root_t])].unbind(0)
        return torch.where(self.trajectory, root[:, None], body[:, None]).unsqueeze(1)

    def colour(self, white: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Noise with the spectrum that this denoiser was trained with, from white noise."""
        return white if self.spectral is None else self.spectral.colour(white)

    def noised(self, x: Float[Tensor, "B T D"], t: Tensor, root_t: Tensor, noise: Tensor) -> Float[Tensor, "B T D"]:
        """Eq. 1 with the two levels. ``noise``: from :meth:`colour`, or implied by an estimate."""
        return self.level("alpha", t, root_t) * x + self.level("sigma", t, root_t) * noise

    def step(self, share: float, like: Tensor) -> Int[Tensor, "B"]:
        """The diffusion step at a share of the schedule, for each row of ``like``."""
        return torch.full((len(like),), round(share * (self.steps - 1)), device=like.device)

    def predict(
        self,
        x_t: Float[Tensor, "B T D"],
        t: Tensor,
        root_t: Tensor,
        playback: Float[Tensor, "B 2"] | None = None,
    ) -> Float[Tensor, "B T D"]:
        """Estimate of x0 (normalised). ``playback``: log2 of the rate, and 1 if reversed (embedded weights)."""
        if self.spectral is None:
            return self.network(x_t, t)
        inputs, estimate, out = self.spectral.prepare(
            x_t, self.level("alpha", t, root_t), self.level("sigma", t, root_t)
        )
        return self.spectral.finish(estimate, out, self.network(inputs, t, root_t=root_t, playback=playback))
