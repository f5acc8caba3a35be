"""Hyper-parameters of the pose prior's training. No torch: the command line reads the defaults."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class VPoserSettings:
    """Hyper-parameters; stored in the checkpoint and in the card.

    ``rotation_sigma`` (rad) and ``position_sigma`` (m) are the widths of the decoder's likelihood: the smaller, the
    closer the reconstruction and the further the codes spread from N(0, I).
    """

    seed: int = 0
    batch: int = 512
    rate: float = 1e-3
    warmup: int = 100
    weight_decay: float = 0.01
    rotation_sigma: float = 0.08
    position_sigma: float = 0.02
    balance: float = 0.4
