"""Hyper-parameters of HuMoR's training. No torch: the command line reads the defaults."""

from __future__ import annotations

from dataclasses import dataclass

from diffopt_core.host.train.settings import TrainingSettings, option


@dataclass(frozen=True)
class HuMoRSettings(TrainingSettings):
    """``windows`` x ``transitions`` rows a step. ``kl_weight`` against a reconstruction of unit variance, reached after
    ``kl_anneal`` steps. From ``rollout_from`` on a share of the steps sees the model's own states instead of true ones.
    ``proportions``: half range of the lengths of legs, arms and trunk.
    """

    width: int = option(384, "Width of the hidden layers; the published model has 1024.")
    windows: int = option(32, "Windows a step.")
    transitions: int = option(8, "Transitions a window.")
    warmup: int = 300
    ema: float = 0.998
    kl_weight: float = option(1e-3, "Weight of the KL term.")
    kl_anneal: int = 2000
    rollout_from: int = 3000
    rollout_share: float = option(0.3, "Share of the steps that see the model's own states.")
    body_weight: float = 1.0
    contact_weight: float = 0.1
    contact_speed_weight: float = 0.02
    proportions: float = option(0.08, "Half range of the lengths of legs, arms and trunk.")
