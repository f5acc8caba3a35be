"""Hyper-parameters of the pose prior's training. No torch: the command line reads the defaults."""

from __future__ import annotations

from dataclasses import dataclass

from diffopt_core.host.train.command import option


@dataclass(frozen=True)
class VPoserSettings:
    """Hyper-parameters; stored in the checkpoint and in the card.

    ``rotation_sigma`` (rad) and ``position_sigma`` (m) are the widths of the decoder's likelihood: the smaller, the
    closer the reconstruction and the further the codes spread from N(0, I).
    """

    seed: int = option(0, "Seed.")
    batch: int = option(512, "Poses a step.")
    rate: float = option(1e-3, "Learning rate.")
    warmup: int = 100
    weight_decay: float = 0.01
    rotation_sigma: float = option(0.08, "Width of the rotations' likelihood, rad.")
    position_sigma: float = option(0.02, "Width of the joint positions' likelihood, m.")
    balance: float = 0.4
