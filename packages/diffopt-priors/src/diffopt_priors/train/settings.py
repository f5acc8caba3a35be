"""Hyper-parameters of the trainings. No torch: the command line reads the defaults."""

from __future__ import annotations

from dataclasses import dataclass

from diffopt_core.host.train.settings import TrainingSettings, option


@dataclass(frozen=True)
class HuMoRSettings(TrainingSettings):
    """``windows`` x ``transitions`` rows per step. ``kl_weight`` is relative to a reconstruction of unit variance and
    is reached after ``kl_anneal`` steps. From step ``rollout_from`` on, some steps see the model's own states instead
    of true ones. ``proportions``: half range of the lengths of legs, arms and trunk.
    """

    width: int = option(384, "Width of the hidden layers; the published model has 1024.")
    windows: int = option(32, "Windows per step.")
    transitions: int = option(8, "Transitions per window.")
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


@dataclass(frozen=True)
class MDMSettings(TrainingSettings):
    """What the card and the checkpoint of the prior keep."""

    width: int = option(192, "Width of the transformer.")
    layers: int = option(6, "Layers.")
    heads: int = 4
    feedforward: int = option(384, "Width of the feed-forward layers.")
    window: int = option(96, "Longest window, frames.")
    shortest: int = option(32, "Shortest window, frames.")
    batch: int = option(32, "Windows per step.")
    ema: float = 0.999
    diffusion_steps: int = 1000
    difference_weight: float = 1.0
    foot_weight: float = 1.0
    #: Exponent of the noise's spectrum: 0 is white, 1 that of motion itself (mdm/spectral.py).
    colour: float = 0.0
    #: Share of windows that are played at another rate or backwards, and say so.
    played: float = 0.3
    #: A clip is drawn ``1 + travel * v`` times as often, v its mean speed over ground in m/s.
    travel: float = 1.0


#: What the card recommends for distillation; docs/priors/guidance.md has the measurements.
GUIDANCE = {"timesteps": [0.02, 0.98], "strength": 0.5}


@dataclass(frozen=True)
class VPoserSettings(TrainingSettings):
    """``rotation_sigma`` (rad) and ``position_sigma`` (m) are the widths of the decoder's likelihood: the smaller, the
    closer the reconstruction and the further the codes spread from N(0, I).
    """

    batch: int = option(512, "Poses per step.")
    warmup: int = 100
    rotation_sigma: float = option(0.08, "Width of the rotations' likelihood, rad.")
    position_sigma: float = option(0.02, "Width of the joint positions' likelihood, m.")
    balance: float = 0.4
