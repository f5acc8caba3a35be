"""What a checkpoint can do, and the yardsticks in its card.

The first: error per noise level, path from articulation, unconditional samples. The second: what real motion answers to
the questions of :mod:`diffopt_priors.mdm.rank`, and its spread.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from diffopt_core.host.train import windows
from diffopt_core.host.train.shards import Clips, read
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.mdm import humanml3d
from diffopt_priors.mdm.denoiser import Denoiser
from diffopt_priors.mdm.features import (
    CONTACT_JOINTS,
    CONTACTS,
    ROOT_VELOCITY,
    VELOCITIES,
    embed,
    kinematics,
    recover_joints,
    root_path,
    to_heading,
)
from diffopt_priors.mdm.rank import NAMES, answers
from diffopt_priors.mdm.spread import LEVELS, measure
from diffopt_priors.mdm.targets import Targets
from diffopt_priors.mdm.windows import Resampler

_WINDOWS = 128
_FRAMES = 64
#: Frames of the windows that a clip of 100 frames is cut into.
_HALF = 58


def calibrate(denoiser: Denoiser, clips: Clips) -> dict[str, Any]:
    """Mean and standard deviation of every answer over real training windows, none of them altered."""
    generator = torch.Generator().manual_seed(0)
    frames = min(_FRAMES, int(clips.length.max()) - 2)
    pose, root = windows.draw(clips, _WINDOWS, frames + 1, generator, torch.ones(_WINDOWS))
    x = denoiser.normalise(embed(pose, root, denoiser.offsets, clips.fps))
    answered = answers(denoiser, x, torch.randn(x.shape, generator=generator), clips.fps)
    return {"questions": list(NAMES), "mean": answered.mean(0).tolist(), "std": answered.std(0).tolist()}


def spread_of(denoiser: Denoiser, shards: list[Path], fps: float, official: bool = False) -> dict[str, Any]:
    """The card's ``spread`` (:mod:`diffopt_priors.mdm.spread`), from shards of people that were not trained on.

    ``fps``: of the denoiser; ``official``: it reads HumanML3D's features.
    """
    clips = read(shards)
    same = clips.fps == fps
    frames = math.ceil((_HALF + (0 if same else 2)) * clips.fps / fps) + 1
    pose, root = Resampler(frames, clips.fps, fps, torch.device("cpu"))(*windows.cut(clips, frames))
    if official:
        x = humanml3d.features(kinematics(pose, root, denoiser.offsets)[:, :, : humanml3d.NUM_JOINTS])
    else:
        x = embed(pose, root, denoiser.offsets, fps)
    found = measure(denoiser, denoiser.normalise(x)[:, :_HALF])
    rounded = {key: [[round(value, 6) for value in row] for row in found[key]] for key in ("mean", "bound")}
    return {"measured_on": [path.name for path in shards], **found, **rounded}


#: Ratio of noise to signal at which sampling ends, and the level of the last look.
_CLEAN, _GRAIN = 0.2, 0.1
#: Weight of a standing foot's velocity against that of the root's own channels.
_FOOT = 4.0


@torch.no_grad()
def validation(denoiser: Denoiser, x: Float[Tensor, "B T D"], fps: float, batch: int = 128) -> dict[str, Any]:
    """Mean squared x0 error per noise level (1 = data variance), and the path read off clean articulation.

    ``path_*``: trajectory channels replaced by noise, body at level 0.1. ``speed_error_mps``: RMS error of the
    horizontal root velocity; ``end_error``: distance of the path's ends over the path's length, windows that
    travel more than 0.5 m; ``reversed``: share of those whose displacement points more than 90 degrees away.
    """
    generator = torch.Generator().manual_seed(0)
    noise = denoiser.colour(torch.randn(x.shape, generator=generator))
    per_level = {}
    for level in LEVELS:
        errors = []
        for part, eps in zip(x.split(batch), noise.split(batch), strict=True):
            t = denoiser.step(level, part)
            predicted = denoiser.predict(denoiser.noised(part, t, t, eps), t, t)
            errors.append((predicted - part).square().mean((1, 2)))
        per_level[f"{level:g}"] = round(float(torch.cat(errors).mean()), 5)
    result: dict[str, Any] = {"mse": per_level}
    if denoiser.two_levels:
        guesses = []
        for part, eps in zip(x.split(batch), noise.split(batch), strict=True):
            t, root_t = denoiser.step(0.1, part), denoiser.step(1.0, part)
            guesses.append(denoiser.predict(denoiser.noised(part, t, root_t, eps), t, root_t))
        result |= _path_errors(denoiser.denormalise(torch.cat(guesses)), denoiser.denormalise(x), fps)
    return result


def _number(value: Tensor) -> float | None:
    """Rounded for the card; None where nothing was measured (JSON has no NaN)."""
    return round(float(value), 4) if bool(value.isfinite()) else None


def _path_errors(guess: Tensor, true: Tensor, fps: float) -> dict[str, float | None]:
    error = (guess[..., 1:3] - true[..., 1:3]).norm(dim=-1) * fps
    (path, _), (true_path, _) = root_path(guess), root_path(true)
    end, true_end = path[:, -1, [0, 2]], true_path[:, -1, [0, 2]]
    length = (true_path[:, 1:] - true_path[:, :-1])[..., [0, 2]].norm(dim=-1).sum(1)
    moves = true_end.norm(dim=-1) > 0.5
    gap = ((end - true_end).norm(dim=-1) / length)[moves]
    return {
        "path_speed_error_mps": _number(error.square().mean().sqrt()),
        "path_end_error": _number(gap.mean()),
        "path_reversed": _number(((end * true_end).sum(-1) < 0)[moves].float().mean()),
    }


def _descent(denoiser: Denoiser, steps: int) -> list[int]:
    """Levels from pure noise down, evenly spaced in the logarithm of sigma / alpha.

    Evenly spaced levels would cross in one step the range near pure noise in which slow coefficients, with thousands
    of times the mean variance, take shape: samples would hardly move. Below ``_CLEAN`` the network's own grain is
    all that further steps would add.
    """
    ratio = (denoiser.sigma / denoiser.alpha).log().cpu()
    wanted = torch.linspace(float(ratio[-2]), math.log(_CLEAN), steps)
    levels = torch.searchsorted(ratio[:-1].contiguous(), wanted).clamp(max=len(ratio) - 2)
    return sorted(set(levels.tolist()), reverse=True)


@torch.no_grad()
def sample(denoiser: Denoiser, count: int, frames: int, steps: int = 50, seed: int = 0) -> Float[Tensor, "B T D"]:
    """Unconditional samples (features) by DDIM (Song et al. 2021).

    The last answer is asked once more without noise at ``_GRAIN``, which removes the network's own grain, and feet that
    the sample says are standing are made to stand (:func:`planted`).
    """
    generator = torch.Generator().manual_seed(seed)
    x = denoiser.colour(torch.randn(count, frames, len(denoiser.mean), generator=generator).to(denoiser.mean))
    levels = [torch.full((count,), level, device=x.device) for level in _descent(denoiser, steps)]
    for t, after in zip(levels, [*levels[1:], None], strict=True):
        x0 = denoiser.predict(x, t, t)
        if after is None:
            grain = denoiser.step(_GRAIN, x)
            return planted(
                denoiser.denormalise(denoiser.predict(denoiser.level("alpha", grain, grain) * x0, grain, grain))
            )
        x = denoiser.noised(x0, after, after, Targets(denoiser).noise_of(x, x0, t, t))
    raise AssertionError("at least one level")


def planted(features: Float[Tensor, "B T 263"]) -> Float[Tensor, "B T 263"]:
    """Says twice how the root moves: in velocities of its own, and, wherever a foot has contact, as minus the motion
    of that foot about the root. Weighted mean of both, a foot in contact counting ``_FOOT`` times."""
    _, yaw = root_path(features)
    feet = recover_joints(features)[:, :, list(CONTACT_JOINTS)]
    contact = _FOOT * (features[:, :-1, CONTACTS] > 0.5).to(features.dtype).unsqueeze(-1)
    slide = (contact * (feet[:, 1:] - feet[:, :-1])).sum(2) / (1 + contact.sum(2))
    local = to_heading(slide, yaw[:, :-1].sin(), yaw[:, :-1].cos())[..., [0, 2]]
    root = torch.cat([features[:, :-1, ROOT_VELOCITY] - local, features[:, -1:, ROOT_VELOCITY]], dim=1)
    out = features.clone()
    out[..., ROOT_VELOCITY] = root
    out[..., [VELOCITIES.start, VELOCITIES.start + 2]] = root
    return out


def statistics(features: Float[Tensor, "B T D"], fps: float) -> dict[str, float | None]:
    """Skate of foot joints in contact (mm per frame), jitter (10 m/s^3), root speed (m/s) of motions."""
    joints = recover_joints(features)
    feet = joints[:, :, list(CONTACT_JOINTS)]
    step = (feet[:, 1:] - feet[:, :-1])[..., [0, 2]].norm(dim=-1) * 1000
    contact = features[:, :-1, 259:263] > 0.5
    jerk = joints[:, 3:] - 3 * joints[:, 2:-1] + 3 * joints[:, 1:-2] - joints[:, :-3]
    speed = features[..., 1:3].norm(dim=-1).mean(1) * fps
    quantiles = torch.quantile(speed, torch.tensor([0.1, 0.5, 0.9]))
    return {
        "skate_mm": _number(step[contact].mean()),
        "contact_share": _number(contact.float().mean()),
        "jitter": _number(jerk.norm(dim=-1).mean() * fps**3 / 10),
        "speed_p10": _number(quantiles[0]),
        "speed_p50": _number(quantiles[1]),
        "speed_p90": _number(quantiles[2]),
    }
