"""Hyper-parameters of HuMoR's training. No torch: the command line reads the defaults."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HuMoRSettings:
    """Hyper-parameters; stored in the checkpoint and in the card.

    ``windows`` x ``transitions`` rows a step. ``kl_weight`` against a reconstruction of unit variance, reached after
    ``kl_anneal`` steps. From ``rollout_from`` on a share of the steps sees the model's own states instead of true ones.
    ``proportions``: half range of the lengths of legs, arms and trunk.
    """

    seed: int = 0
    width: int = 384
    windows: int = 32
    transitions: int = 8
    rate: float = 1e-3
    warmup: int = 300
    ema: float = 0.998
    weight_decay: float = 0.01
    kl_weight: float = 1e-3
    kl_anneal: int = 2000
    rollout_from: int = 3000
    rollout_share: float = 0.3
    body_weight: float = 1.0
    contact_weight: float = 0.1
    contact_speed_weight: float = 0.02
    proportions: float = 0.08
