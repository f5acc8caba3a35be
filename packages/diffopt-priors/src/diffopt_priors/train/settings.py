"""Hyper-parameters of the prior's training. No torch: the command line reads the defaults."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Hyper-parameters; stored in the checkpoint and in the card."""

    seed: int = 0
    width: int = 192
    layers: int = 5
    heads: int = 4
    feedforward: int = 384
    window: int = 80
    shortest: int = 32
    batch: int = 32
    rate: float = 8e-4
    warmup: int = 200
    ema: float = 0.998
    weight_decay: float = 0.01
    diffusion_steps: int = 1000
    sigma_data: float = 0.2
    difference_weight: float = 3.0
    foot_weight: float = 1.0
