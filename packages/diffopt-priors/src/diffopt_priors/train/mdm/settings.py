"""Hyper-parameters of the prior's training. No torch: the command line reads the defaults."""

from __future__ import annotations

from dataclasses import dataclass

from diffopt_core.host.train.settings import TrainingSettings, option


@dataclass(frozen=True)
class Settings(TrainingSettings):
    """What the card and the checkpoint of the prior keep."""

    width: int = option(192, "Width of the transformer.")
    layers: int = option(6, "Layers.")
    heads: int = 4
    feedforward: int = option(384, "Width of the feed-forward layers.")
    window: int = option(96, "Longest window, frames.")
    shortest: int = option(32, "Shortest window, frames.")
    batch: int = option(32, "Windows a step.")
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
