"""What real motion answers to the questions of :mod:`diffopt_priors.mdm.rank`: the yardstick in the card."""

from __future__ import annotations

from typing import Any

import torch
from diffopt_core.train import windows
from diffopt_core.train.shards import Clips

from diffopt_priors.mdm.denoiser import Denoiser
from diffopt_priors.mdm.features import embed
from diffopt_priors.mdm.rank import NAMES, answers

_WINDOWS = 128
_FRAMES = 64


def calibrate(denoiser: Denoiser, clips: Clips) -> dict[str, Any]:
    """Mean and standard deviation of every answer over real training windows, none of them altered."""
    generator = torch.Generator().manual_seed(0)
    frames = min(_FRAMES, int(clips.length.max()) - 2)
    pose, root = windows.draw(clips, _WINDOWS, frames + 1, generator, torch.ones(_WINDOWS))
    x = denoiser.normalise(embed(pose, root, denoiser.offsets, clips.fps))
    answered = answers(denoiser, x, torch.randn(x.shape, generator=generator), clips.fps)
    return {"questions": list(NAMES), "mean": answered.mean(0).tolist(), "std": answered.std(0).tolist()}
