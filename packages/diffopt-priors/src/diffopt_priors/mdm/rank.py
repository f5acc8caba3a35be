"""How unlike real motion is a motion: one number per window, for ranking.

The residual of a denoiser alone ranks badly: slow motion is smooth motion, and whatever is smooth is easy to denoise.
So several questions are put to the prior, each answer is measured in standard deviations of the answers for real
training motion (the card's ``calibration``), and the most suspicious one counts:

- residuals at a few noise levels, in units of the linear estimate's error (unnatural poses, noise, shuffling);
- the error of the path that the articulation alone suggests (drift);
- how fast those feet move that the articulation alone says are standing (sliding feet);
- whether the motion is better explained as motion played slower, faster or backwards: the relative gain in residual
  when the network is told so, under the same noise (a diffusion classifier, Li et al. 2023).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from diffopt_core.interfaces import Noise
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.mdm.denoiser import Denoiser
from diffopt_priors.mdm.features import CONTACTS, ROOT_VELOCITY, foot_velocity

#: Noise levels (shares of the schedule) of the residuals and of the playback questions.
LEVELS = (0.1, 0.3, 0.5, 0.7)
#: log2 of the rate, and 1 for backwards.
PLAYBACKS = ((-1.0, 0.0), (-0.5, 0.0), (0.5, 0.0), (1.0, 0.0), (0.0, 1.0))
NAMES = (
    *(f"residual {level:g}" for level in LEVELS),
    "path",
    "standing feet",
    *(f"played at {2**octave:.2g}{' backwards' if back else ''}" for octave, back in PLAYBACKS),
)
#: Standard deviations that count as one. Strangers are harder to denoise than the people of the training data.
TOLERANCE = (*(4.0 for _ in LEVELS), 1.0, 0.7, *(1.0 for _ in PLAYBACKS))
_EPS = 1e-6
#: Of the soft maximum over the answers.
_SHARPNESS = 2.0
#: ``mean`` and ``std`` of the answers for real motion; the card also lists the ``questions``.
Calibration = Mapping[str, list[float] | list[str]]
#: Speed below which speeds are alike, m/s.
_SLOW = 0.02


def _residual(
    denoiser: Denoiser, x: Tensor, noise: Tensor, level: float, playback: tuple[float, float] | None
) -> Float[Tensor, "N"]:
    """Squared error of x0 over that of the linear estimate, mean over frames and channels."""
    t = denoiser.step(level, x)
    told = None if playback is None else x.new_tensor(playback).expand(len(x), 2)
    error = denoiser.predict(denoiser.noised(x, t, t, noise), t, t, told) - x
    assert denoiser.spectral is not None
    expected = denoiser.spectral.error(x.shape[1], denoiser.alpha[t[0]], denoiser.sigma[t[0]]).mean()
    return error.square().mean((1, 2)) / expected


def _path(denoiser: Denoiser, x: Tensor, noise: Tensor, fps: float) -> tuple[Float[Tensor, "N"], Float[Tensor, "N"]]:
    """The path channels hidden, the body nearly clean. Error of the mean velocity (m/s) of the path that the network
    answers; mean speed (m/s) of the feet that it says are standing."""
    t, root_t = denoiser.step(0.05, x), denoiser.step(1.0, x)
    guess = denoiser.denormalise(denoiser.predict(denoiser.noised(x, t, root_t, noise), t, root_t))
    given = denoiser.denormalise(x)
    gap = (guess - given)[..., ROOT_VELOCITY].mean(1).norm(dim=-1)
    standing = (2 * guess[..., CONTACTS] - 1).clamp(0, 1)
    speed = foot_velocity(given).norm(dim=-1)
    stance = (standing * speed).sum((1, 2)) / (standing.sum((1, 2)) + 1)
    return gap * fps, stance * fps


@torch.no_grad()
def answers(denoiser: Denoiser, x: Float[Tensor, "N L D"], noise: Float[Tensor, "N L D"], fps: float) -> Tensor:
    """``[N Q]``: the answers to the questions ``NAMES``, larger = more suspicious, for one draw of noise."""
    noise = denoiser.colour(noise)
    plain = torch.stack([_residual(denoiser, x, noise, level, None) for level in LEVELS])
    asked = LEVELS[1:]
    drift, standing = _path(denoiser, x, noise, fps)
    # A logarithm would tell slow from slower, where all feet stand well; running feet slide more, hence the width.
    rows = [*(plain + _EPS).log(), (drift + _SLOW).log(), standing]
    for playback in PLAYBACKS:
        told = torch.stack([_residual(denoiser, x, noise, level, playback) for level in asked])
        rows.append(((plain[1:] + _EPS) / (told + _EPS)).log().mean(0))
    return torch.stack(rows, dim=1)


def suspicion(answered: Float[Tensor, "*b Q"], calibration: Calibration) -> Float[Tensor, "*b"]:
    """Soft maximum over the questions of the deviations above what real motion answers."""
    mean = answered.new_tensor(calibration["mean"])
    std = answered.new_tensor(calibration["std"])
    z = (answered - mean) / (std * answered.new_tensor(TOLERANCE))
    return torch.logsumexp(_SHARPNESS * z, dim=-1) / _SHARPNESS - math.log(z.shape[-1]) / _SHARPNESS


def rank(
    denoiser: Denoiser,
    x: Float[Tensor, "B W L D"],
    frame_weight: Float[Tensor, "W L"],
    noise: Noise,
    fps: float,
    calibration: Calibration,
) -> Float[Tensor, "B"]:
    """Lower is more like real motion. Windows weigh by the frames that they alone cover."""
    clips, windows, length, dim = x.shape
    eps = noise.normal((windows, length, dim)).flatten(0, 1)
    answered = answers(denoiser, x.flatten(0, 1), eps, fps).view(clips, windows, -1)
    return (suspicion(answered, calibration) * frame_weight.sum(1)).sum(1)
