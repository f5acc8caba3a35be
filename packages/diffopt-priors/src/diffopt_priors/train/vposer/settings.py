"""Hyper-parameters of the pose prior's training. No torch: the command line reads the defaults."""

from __future__ import annotations

from dataclasses import dataclass

from diffopt_core.host.train.settings import TrainingSettings, option


@dataclass(frozen=True)
class VPoserSettings(TrainingSettings):
    """``rotation_sigma`` (rad) and ``position_sigma`` (m) are the widths of the decoder's likelihood: the smaller, the
    closer the reconstruction and the further the codes spread from N(0, I).
    """

    batch: int = option(512, "Poses a step.")
    warmup: int = 100
    rotation_sigma: float = option(0.08, "Width of the rotations' likelihood, rad.")
    position_sigma: float = option(0.02, "Width of the joint positions' likelihood, m.")
    balance: float = 0.4
