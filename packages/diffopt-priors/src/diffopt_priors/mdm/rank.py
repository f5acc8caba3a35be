"""A score of how unlike real motion a motion is: one number per window, for ranking.

The residual of a denoiser alone ranks badly, because slow, smooth motion is easy to denoise. So several statistics are
computed, each is standardised with its mean and standard deviation on real training motion (the card's
``calibration``), and the largest one counts:

- residuals at a few noise levels, in units of the linear estimate's error (unnatural poses, noise, shuffling);
- the error of the path predicted from the articulation (drift);
- the speed of feet that are predicted to be in contact from the articulation (sliding feet);
- whether the motion is better explained as motion played slower, faster or backwards: the relative reduction of the
  residual under that playback condition, with the same noise (a diffusion classifier, Li et al. 2023).
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

#: Noise levels (shares of the schedule) of the residuals and of the playback statistics.
LEVELS = (0.1, 0.3, 0.5, 0.7)
#: Playback conditions: log2 of the rate, and 1 for backwards.
PLAYBACKS = ((-1.0, 0.0), (-0.5, 0.0), (0.5, 0.0), (1.0, 0.0), (0.0, 1.0))
NAMES = (
    *(f"residual {level:g}" for level in LEVELS),
    "path",
    "standing feet",
    *(f"played at {2**octave:.2g}{' backwards' if back else ''}" for octave, back in PLAYBACKS),
)
#: Standard deviations that count as one: unseen people are harder to denoise than those of the training data.
TOLERANCE = (*(4.0 for _ in LEVELS), 1.0, 0.7, *(1.0 for _ in PLAYBACKS))
_EPS = 1e-6
#: Sharpness of the soft maximum over the statistics.
_SHARPNESS = 2.0
#: ``mean`` and ``std`` of the statistics on real motion; the card also lists their names as ``questions``.
Calibration = Mapping[str, list[float] | list[str]]
#: Speed below which differences in speed are ignored, m/s.
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
    """With the path channels replaced by noise and the body nearly clean: error of the mean velocity (m/s) of the
    predicted path, and mean speed (m/s) of the feet that are predicted to be in contact."""
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
    """``[N Q]``: the statistics ``NAMES`` for one draw of noise; larger is less like real motion."""
    noise = denoiser.colour(noise)
    plain = torch.stack([_residual(denoiser, x, noise, level, None) for level in LEVELS])
    asked = LEVELS[1:]
    drift, standing = _path(denoiser, x, noise, fps)
    # Compressed, because running feet slide more; not a logarithm, which would separate slow from slower motion.
    rows = [*(plain + _EPS).log(), (drift + _SLOW).log(), standing]
    for playback in PLAYBACKS:
        told = torch.stack([_residual(denoiser, x, noise, level, playback) for level in asked])
        rows.append(((plain[1:] + _EPS) / (told + _EPS)).log().mean(0))
    return torch.stack(rows, dim=1)


def suspicion(answered: Float[Tensor, "*b Q"], calibration: Calibration) -> Float[Tensor, "*b"]:
    """Soft maximum over the statistics, standardised by their distribution on real motion."""
    mean = answered.new_tensor(calibration["mean"])
    std = answered.new_tensor(calibration["std"])
    z = (answered - mean) / (std * answered.new_tensor(TOLERANCE))
    return torch.logsumexp(_SHARPNESS * z, dim=-1) / _SHARPNESS - math.log(z.shape[-1]) / _SHARPNESS


def rank(
    denoiser: Denoiser,
    x: Float[Tensor, "B W L D"],
    frame_weight: Float[Tensor, "*#b W L"],
    noise: Noise,
    fps: float,
    calibration: Calibration,
) -> Float[Tensor, "B"]:
    """Score of each clip; lower is more like real motion. Windows are weighted by the frames that only they cover."""
    clips, windows, length, dim = x.shape
    eps = noise.normal((windows, length, dim)).flatten(0, 1)
    answered = answers(denoiser, x.flatten(0, 1), eps, fps).view(clips, windows, -1)
    return (suspicion(answered, calibration) * frame_weight.sum(-1)).sum(1)
