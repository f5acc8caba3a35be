"""Weight files of the diffusion prior: safetensors with a JSON card beside it.

The card is the only source of the network's shape, the feature statistics, the reference skeleton, the
frame rate and the terms of the training data.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from diffopt_priors.cards import MDM_WEIGHTS
from diffopt_priors.mdm.denoiser import Denoiser, cosine_betas, linear_betas, trajectory_mask
from diffopt_priors.mdm.embedded import MotionTransformer
from diffopt_priors.mdm.network import MDM
from diffopt_priors.mdm.spectral import Spectral

#: Noise schedules that a card may name.
SCHEDULES = {"cosine": cosine_betas, "linear": linear_betas}


def build(card: dict[str, Any]) -> Denoiser:
    """Denoiser with the card's shape and statistics and random weights."""
    embedded = card.get("features") != "humanml3d"
    channels = len(card["mean"])
    spectral = None
    if embedded:
        # Filled from the weight file; these arrays are too large for a card.
        spectral = Spectral(
            torch.eye(channels),
            torch.ones(channels, card["window"]),
            trajectory_mask(channels),
            card["diffusion"].get("colour", 0.0),
        )
    return Denoiser(
        MotionTransformer(**card["network"]) if embedded else MDM(**card["network"]),
        SCHEDULES[card["diffusion"]["schedule"]](card["diffusion"]["steps"]),
        mean=torch.tensor(card["mean"]),
        std=torch.tensor(card["std"]),
        offsets=torch.tensor(card["skeleton"]["offsets"]),
        spectral=spectral,
    )


def load(path: Path) -> tuple[Denoiser, dict[str, Any]]:
    """Frozen denoiser in evaluation mode (float32, CPU) and its card."""
    return MDM_WEIGHTS.load(path, build)


def save(path: Path, state: dict[str, Tensor], card: dict[str, Any], dtype: torch.dtype = torch.float16) -> None:
    """Write weights and card, each atomically. Spectral statistics stay float32, because half precision would break the
    orthonormality of the basis."""
    kept = {k: v.to(torch.float32 if k.startswith("spectral.") else dtype) for k, v in state.items()}
    MDM_WEIGHTS.write(path, kept, card)
