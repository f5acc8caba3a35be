"""Score distillation with a motion diffusion model: eq. 1-3 of the paper.

With x the normalised features of the motion, x_t = alpha x + sigma eps and x0 = denoiser(x_t, t):

- ``x0`` form:  w(t) || x - sg(x0) ||^2
- ``eps`` form: w(t) || eps_hat - eps ||^2 = w(t) (alpha / sigma)^2 || x - sg(x0) ||^2   (eq. 3)

because eps_hat - eps = (alpha / sigma)(x - x0) exactly. The gradient does not pass through the network
(Poole et al. 2022): its output is the target (:mod:`diffopt_priors.mdm.targets`), and only x moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from diffopt_core.interfaces import Noise
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from diffopt_priors.mdm.denoiser import Denoiser
from diffopt_priors.mdm.features import CONTACTS
from diffopt_priors.mdm.spread import Likelihood
from diffopt_priors.mdm.targets import Inversion, Targets

Form = Literal["x0", "eps"]
Weighting = Literal["uniform", "sds", "snr", "fantasia", "likelihood"]
Schedule = Literal["uniform", "annealed", "linear", "truncated"]

#: Clip of the signal-to-noise weighting (Hang et al. 2023, min-SNR-5).
_SNR_LIMIT = 5.0


@dataclass(frozen=True)
class SDS:
    """Settings and the loss. Levels are shares of the schedule in [0, 1]; see ``MDMConfig`` for each setting."""

    denoiser: Denoiser
    channel_weight: Float[Tensor, "D"]
    timesteps: tuple[float, float] = (0.02, 0.98)
    root_timesteps: tuple[float, float] | None = None
    schedule: Schedule = "uniform"
    weighting: Weighting = "uniform"
    form: Form = "x0"
    samples: int = 1
    target_steps: int = 1
    inversion: Inversion | None = None
    likelihood: Likelihood | None = None

    @property
    def targets(self) -> Targets:
        """Function that computes the target x0."""
        return Targets(self.denoiser, self.target_steps, self.inversion)

    def levels(
        self, windows: int, noise: Noise, progress: Float[Tensor, ""]
    ) -> tuple[Int[Tensor, "B S W"], Int[Tensor, "B S W"]]:
        """Body and trajectory noise levels of every sample and window."""
        shape = (self.samples, windows)
        body = self._draw(self.timesteps, noise.uniform(shape), progress)
        if self.root_timesteps is None:
            return body, body
        # The path must not be less noisy than the body, otherwise the body would be predicted from the path.
        return body, torch.maximum(body, self._draw(self.root_timesteps, noise.uniform(shape), progress))

    def _draw(self, span: tuple[float, float], u: Tensor, progress: Tensor) -> Tensor:
        low, high = span
        if self.schedule == "annealed":  # HiFA's square-root descent (Zhu et al. 2023), one level for all samples
            share = 1 - progress.sqrt().expand_as(u)
        elif self.schedule == "linear":  # DPoser's descent (Lu et al. 2023)
            share = 1 - progress.expand_as(u)
        elif self.schedule == "truncated":
            share = (1 - progress) * u
        else:
            share = u
        last = self.denoiser.steps - 1
        return ((low + (high - low) * share) * last).round().long()

    def weight(self, t: Int[Tensor, "N"], root_t: Int[Tensor, "N"]) -> Float[Tensor, "N 1 D"]:
        """w(t) of the residual x - x0, per channel's own level."""
        alpha = self.denoiser.level("alpha", t, root_t)
        sigma = self.denoiser.level("sigma", t, root_t)
        if self.weighting == "sds":
            weight = sigma**2
        elif self.weighting == "snr":
            weight = (alpha / sigma).square().clamp(max=_SNR_LIMIT) / _SNR_LIMIT
        elif self.weighting == "fantasia":
            weight = alpha * sigma**2
        else:
            weight = torch.ones_like(alpha)
        return weight * (alpha / sigma) ** 2 if self.form == "eps" else weight

    def loss(
        self,
        x: Float[Tensor, "B W L D"],
        frame_weight: Float[Tensor, "*#b W L"],
        noise: Noise,
        progress: Float[Tensor, ""],
        observed: Float[Tensor, "B W L D"] | None = None,
        shown: Float[Tensor, "B W L D"] | None = None,
    ) -> Float[Tensor, "B"]:
        """Weighted mean over channels, frames, windows and noise samples; one value per clip.

        Noise comes from each clip's own stream, so clips solved together equal clips solved alone. ``observed``:
        confidence per channel, if the target is inpainted; ``shown``: the same, for ``weighting = "likelihood"``.
        """
        clips, windows, length, dim = x.shape
        body, root = self.levels(windows, noise, progress)
        eps = self.denoiser.colour(noise.normal((self.samples, windows, length, dim)).flatten(0, 2))
        t, root_t = body.flatten(), root.flatten()
        repeated = self._repeat(x)
        seen = None if observed is None else self._repeat(observed).flatten(0, 2)
        target = self.targets(repeated.detach().flatten(0, 2), t, root_t, eps, seen)
        scale = (self.weight(t, root_t) * self.channel_weight).view(clips, self.samples, windows, 1, dim)
        residual = repeated - target.view_as(repeated)
        if self.likelihood is not None:
            assert shown is not None
            squared = residual.detach().square().flatten(0, 2)
            known = self.likelihood(squared, t, root_t, self._repeat(shown).flatten(0, 2))
            scale = scale * known.view_as(residual)
        per_frame = _MeanSquare.apply(residual, scale)
        return (per_frame * frame_weight.unsqueeze(1)).sum((2, 3)).mean(1)

    def _repeat(self, x: Float[Tensor, "B W L D"]) -> Float[Tensor, "B S W L D"]:
        return x.unsqueeze(1).expand(-1, self.samples, -1, -1, -1)


class _MeanSquare(torch.autograd.Function):
    """Mean over the channels of ``scale residual^2``; the gradient is one product instead of four operations."""

    @staticmethod
    def forward(ctx: Any, residual: Tensor, scale: Tensor) -> Tensor:
        scaled = scale * residual
        ctx.save_for_backward(scaled)
        return (scaled * residual).mean(-1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (scaled,) = ctx.saved_tensors
        return (grad * (2 / scaled.shape[-1])).unsqueeze(-1) * scaled, None


def channel_weight(dim: int, velocity: float) -> Float[Tensor, "D"]:
    """Channel weights: ``velocity`` for yaw rate and root velocity; 0 for contacts, which have no gradient."""
    weight = torch.ones(dim)
    weight[[0, 1, 2]] = velocity
    weight[CONTACTS] = 0.0
    return weight
