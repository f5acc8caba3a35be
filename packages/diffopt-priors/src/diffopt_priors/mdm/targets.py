"""The target of score distillation: from the present motion to a motion that the prior believes.

One network call is plain score distillation. Beyond it, each of these is a setting:

- ``steps`` > 1: a DDIM chain down from the noise level (Song et al. 2021, eq. 12).
- ``inversion``: noise found by a DDIM chain *up* from the present motion, so that steps of the optimiser agree
  on a target (score distillation via inversion, Lukoianov et al. 2024).
- ``observed``: soft inpainting (:mod:`diffopt_priors.mdm.inpaint`) at every step of the chain down.

Everything holds for two noise levels (``t`` of the body, ``root_t`` of the trajectory channels): both move in
proportion. Nothing here carries gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffopt_priors.mdm.denoiser import Denoiser


@dataclass(frozen=True)
class Inversion:
    """DDIM inversion in ``steps``; ``eta`` in [0, 1] is the share of fresh noise (1: fresh noise only)."""

    steps: int = 10
    eta: float = 0.3


@dataclass(frozen=True)
class Targets:
    """``targets(x, t, root_t, eps, observed) -> x0``."""

    denoiser: Denoiser
    steps: int = 1
    inversion: Inversion | None = None

    @torch.no_grad()
    def __call__(
        self,
        x: Float[Tensor, "N L D"],
        t: Int[Tensor, "N"],
        root_t: Int[Tensor, "N"],
        eps: Float[Tensor, "N L D"],
        observed: Float[Tensor, "N L D"] | None = None,
    ) -> Float[Tensor, "N L D"]:
        """x, x0: normalised features. eps: fresh noise. observed: confidence in [0, 1] per channel."""
        if self.inversion is not None:
            eps = self.inverted(self.inversion, x, t, root_t, eps)
        x_t = self.denoiser.noised(x, t, root_t, eps)
        x0 = self._predict(x_t, t, root_t, x, observed)
        for left in range(self.steps - 1, 0, -1):
            implied = self.noise_of(x_t, x0, t, root_t)
            t, root_t = t * left // (left + 1), root_t * left // (left + 1)
            x_t = self.denoiser.noised(x0, t, root_t, implied)
            x0 = self._predict(x_t, t, root_t, x, observed)
        return x0

    def inverted(
        self,
        inversion: Inversion,
        x: Float[Tensor, "N L D"],
        t: Int[Tensor, "N"],
        root_t: Int[Tensor, "N"],
        fresh: Float[Tensor, "N L D"],
    ) -> Float[Tensor, "N L D"]:
        """Noise that carries x to level t along the deterministic path, mixed with ``fresh`` at constant variance.

        The step away from the clean motion asks the network at the level where the step ends: at level 0 an error
        of the network, divided by sigma, would be the whole answer.
        """
        denoiser, count = self.denoiser, inversion.steps
        of, root_of = t // count, root_t // count
        x_t = denoiser.noised(x, of, root_of, torch.zeros_like(x))
        noise = self.noise_of(x_t, denoiser.predict(x_t, of, root_of), of, root_of)
        x_t = denoiser.noised(x, of, root_of, noise)
        for step in range(2, count + 1):
            x0 = denoiser.predict(x_t, of, root_of)
            noise = self.noise_of(x_t, x0, of, root_of)
            of, root_of = t * step // count, root_t * step // count
            x_t = denoiser.noised(x0, of, root_of, noise)
        found = self.noise_of(x_t, x, t, root_t)
        return (1 - inversion.eta**2) ** 0.5 * found + inversion.eta * fresh

    def noise_of(self, x_t: Tensor, x0: Tensor, t: Tensor, root_t: Tensor) -> Float[Tensor, "N L D"]:
        """Noise implied by x_t and x0."""
        alpha, sigma = self.denoiser.level("alpha", t, root_t), self.denoiser.level("sigma", t, root_t)
        return (x_t - alpha * x0) / sigma

    def _predict(self, x_t: Tensor, t: Tensor, root_t: Tensor, x: Tensor, observed: Tensor | None) -> Tensor:
        x0 = self.denoiser.predict(x_t, t, root_t)
        if observed is None:
            return x0
        share = t / (self.denoiser.diffusion.steps - 1)
        mask = (2 * share - 1).clamp_min(0)[:, None, None] * observed
        return torch.lerp(x0, x, mask)
