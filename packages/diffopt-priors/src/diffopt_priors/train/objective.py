"""The training loss of the denoiser (eq. 2) on normalised features."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.mdm.denoiser import Denoiser
from diffopt_priors.mdm.layout import CONTACT_JOINTS, CONTACTS, ROOT_VELOCITY, VELOCITIES

#: Weight of a channel in the squared error; others 1. The path is what the prior is for.
_CHANNEL_WEIGHT = {0: 4.0, 1: 10.0, 2: 10.0, 3: 4.0}
#: Largest weight of a noise level. 1 / c_out^2 is uniform in the preconditioned network's own output.
_LARGEST_WEIGHT = 20.0


def channel_weight(dim: int) -> Float[Tensor, "D"]:
    """Weights of the channels, mean 1."""
    weight = torch.ones(dim)
    for channel, value in _CHANNEL_WEIGHT.items():
        weight[channel] = value
    return weight / weight.mean()


def noise_levels(batch: int, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Body and trajectory levels ``[B]``: 40 % equal, 40 % trajectory noisier, 20 % independent."""
    t, other, kind = torch.rand(3, batch, generator=generator)
    noisier = t + (1 - t) * other
    root = torch.where(kind < 0.4, t, torch.where(kind < 0.8, noisier, other))
    return (t * steps).long().clamp(max=steps - 1), (root * steps).long().clamp(max=steps - 1)


def foot_speed(denoiser: Denoiser, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T 4 2"]:
    """Horizontal velocity of the four foot joints in units of the root's standard deviation (linear in x)."""
    features = denoiser.denormalise(x)
    root = features[..., ROOT_VELOCITY]
    relative = features[..., VELOCITIES].unflatten(-1, (22, 3))[..., list(CONTACT_JOINTS), :][..., [0, 2]]
    return (root.unsqueeze(-2) + relative) / denoiser.std[ROOT_VELOCITY]


def loss(
    denoiser: Denoiser,
    x: Float[Tensor, "B T D"],
    t: Tensor,
    root_t: Tensor,
    noise: Tensor,
    weight: Float[Tensor, "D"],
    *,
    difference_weight: float,
    foot_weight: float,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Scalar loss and its detached parts.

    Squared error of x0, plus ``difference_weight`` x that of its temporal differences (what remains of white noise
    shows there, and as jitter), both weighted by min(1 / c_out^2, 20) of each channel's level, plus
    ``foot_weight`` x the squared error of foot velocities where the data has contact.
    """
    predicted = denoiser.predict(denoiser.noised(x, t, root_t, noise), t, root_t)
    error = predicted - x
    scale = weight * (1 / denoiser.level("c_out", t, root_t) ** 2).clamp(max=_LARGEST_WEIGHT)
    plain = (scale * error**2).mean()
    difference = (scale * (error[:, 1:] - error[:, :-1]) ** 2).mean()
    contact = denoiser.denormalise(x)[..., CONTACTS].unsqueeze(-1)
    foot = (contact * (foot_speed(denoiser, predicted) - foot_speed(denoiser, x)) ** 2).mean()
    total = plain + difference_weight * difference + foot_weight * foot
    return total, {"x0": plain.detach(), "difference": difference.detach(), "foot": foot.detach()}
