"""What real motion answers to the questions of :mod:`diffopt_priors.mdm.rank`: the yardstick in the card."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from diffopt_core.host.train import windows
from diffopt_core.host.train.shards import Clips, read

from diffopt_priors.mdm import humanml3d
from diffopt_priors.mdm.denoiser import Denoiser
from diffopt_priors.mdm.features import embed, kinematics
from diffopt_priors.mdm.rank import NAMES, answers
from diffopt_priors.mdm.spread import measure
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
