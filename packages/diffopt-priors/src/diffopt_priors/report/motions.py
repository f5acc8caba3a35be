"""Any motion file as clips: shards as they are; AMASS files and this project's results as one clip at 30 fps."""

from __future__ import annotations

from pathlib import Path

import torch
from diffopt_core.common.npz import keys_of
from diffopt_core.data.rotation import matrix_to_columns
from diffopt_core.errors import BadInput
from diffopt_core.host.train import shards
from diffopt_core.host.train.shards import Clips
from diffopt_core.parts.datasets.configs import AmassConfig
from diffopt_core.parts.datasets.motion_file import load_motion


def read(file: Path) -> Clips:
    """Clips of one file; BadInput names file and key."""
    keys = keys_of(file)
    if "starts" in keys or not keys & {"poses", "global_orient"}:
        # A broken shard is named by those who know shards.
        return shards.read([file])
    clip = load_motion(file, AmassConfig())
    if clip.truth is None or clip.truth.motion is None:
        raise BadInput(file, "keys", "hold no motion; expected a motion shard (docs/formats.md), AMASS or motion.npz")
    motion = clip.truth.motion
    frames = len(motion.trans)
    d6 = matrix_to_columns(motion.pose.float())
    one = torch.ones(1)
    return Clips(d6, motion.trans.float(), torch.tensor([0]), torch.tensor([frames]), one, clip.fps, (file.name,))
