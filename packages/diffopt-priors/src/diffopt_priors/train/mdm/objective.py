"""The training loss of the denoiser (eq. 2) on normalised features."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.mdm.denoiser import Denoiser
from diffopt_priors.mdm.features import CONTACTS, ROOT_VELOCITY, foot_velocity
from diffopt_priors.train.mdm.augment import tempo

#: Weight of a channel in the squared error; others 1. The path is what the prior is for.
_CHANNEL_WEIGHT = {0: 4.0, 1: 10.0, 2: 10.0, 3: 4.0}
#: Added to the error of the linear estimate before it scales the loss: below it a level gets no further weight.
_ERROR_FLOOR = 5e-3
#: Share of the noise levels that is drawn from the last quarter of the schedule, denser towards its end.
_HIGH_SHARE, _HIGH_RANGE = 1 / 3, 0.25
#: Playback rates of the windows that say so: 2 to the power of at most this.
_OCTAVES = 1.2


def channel_weight(dim: int) -> Float[Tensor, "D"]:
    """Weights of the channels, mean 1."""
    weight = torch.ones(dim)
    for channel, value in _CHANNEL_WEIGHT.items():
        weight[channel] = value
    return weight / weight.mean()


def noise_levels(batch: int, steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Body and trajectory levels ``[B]``: 45 % equal, 40 % trajectory noisier, 15 % independent.

    A third of the levels is drawn close to pure noise: slow coefficients have thousands of times the mean variance,
    so where a motion goes and whether it moves at all is decided there.
    """
    t, other, kind, high, near = torch.rand(5, batch, generator=generator)
    t = torch.where(high < _HIGH_SHARE, 1 - _HIGH_RANGE * near.square(), t)
    noisier = t + (1 - t) * other
    root = torch.where(kind < 0.45, t, torch.where(kind < 0.85, noisier, other))
    return (t * steps).long().clamp(max=steps - 1), (root * steps).long().clamp(max=steps - 1)


def playback(
    batch: int, share: float, generator: torch.Generator, fastest: float
) -> tuple[Float[Tensor, "B"], Float[Tensor, "B 2"]]:
    """Rates (negative: backwards) and the condition that says so. A ``share`` of the windows is played at 2^-1.2 to
    2^1.2 of the speed (at most ``fastest``), half of them backwards; the rest has a natural tempo and says (0, 0)."""
    kind, octave, back = torch.rand(3, batch, generator=generator)
    octaves = (_OCTAVES * (2 * octave - 1)).clamp(max=math.log2(fastest))
    backwards = back < 0.5
    # Half of the backward windows keep their speed: the plain question "which way?".
    octaves = torch.where(back < 0.25, torch.zeros_like(octaves), octaves)
    altered = kind < share
    rate = torch.where(
        altered, torch.where(backwards, -1.0, 1.0) * 2**octaves, tempo(batch, generator).clamp(max=fastest)
    )
    said = torch.stack([octaves, backwards.float()], dim=1)
    return rate, torch.where(altered.unsqueeze(1), said, torch.zeros_like(said))


def foot_speed(denoiser: Denoiser, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T 4 2"]:
    """Horizontal velocity of the four foot joints in units of the root's standard deviation (linear in x)."""
    return foot_velocity(denoiser.denormalise(x)) / denoiser.std[ROOT_VELOCITY]


def level_weight(denoiser: Denoiser, frames: int, t: Tensor, root_t: Tensor) -> Float[Tensor, "B 1 D"]:
    """1 / (error of the linear estimate + floor), by channel group: every level matters about equally."""
    assert denoiser.spectral is not None
    alpha, sigma = denoiser.level("alpha", t, root_t), denoiser.level("sigma", t, root_t)
    error = denoiser.spectral.error(frames, alpha, sigma).mean(1, keepdim=True)
    body, path = error[..., ~denoiser.trajectory].mean(-1), error[..., denoiser.trajectory].mean(-1)
    error = torch.where(denoiser.trajectory, path.unsqueeze(-1), body.unsqueeze(-1))
    return 1 / (error + _ERROR_FLOOR)


def loss(
    denoiser: Denoiser,
    x: Float[Tensor, "B T D"],
    t: Tensor,
    root_t: Tensor,
    noise: Tensor,
    weight: Float[Tensor, "D"],
    *,
    played: Float[Tensor, "B 2"] | None = None,
    difference_weight: float,
    foot_weight: float,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Scalar loss and its detached parts.

    Squared error of x0, plus ``difference_weight`` x that of its temporal differences, both in units of the linear
    estimate's error at that level, plus ``foot_weight`` x the squared error of foot velocities where the data has
    contact. The last fades with the noise of the body (alpha^4): where nobody can tell which foot stands, that error is
    least for someone who does not travel, and the prior would slow everyone down.
    """
    predicted = denoiser.predict(denoiser.noised(x, t, root_t, denoiser.colour(noise)), t, root_t, played)
    error = predicted - x
    scale = weight * level_weight(denoiser, x.shape[1], t, root_t)
    plain = (scale * error**2).mean()
    difference = (scale * (error[:, 1:] - error[:, :-1]) ** 2).mean()
    contact = denoiser.denormalise(x)[..., CONTACTS].unsqueeze(-1)
    clear = denoiser.level("alpha", t, t)[..., :1].unsqueeze(-1) ** 4
    foot = (contact * clear * (foot_speed(denoiser, predicted) - foot_speed(denoiser, x)) ** 2).mean()
    total = plain + difference_weight * difference + foot_weight * foot
    return total, {"x0": plain.detach(), "difference": difference.detach(), "foot": foot.detach()}
