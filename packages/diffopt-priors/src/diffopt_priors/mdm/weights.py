"""Weight files: safetensors for the numbers, a JSON card beside it for what they mean.

The card is the only source of the network's shape, the feature statistics, the reference skeleton, the
frame rate and the terms of the training data.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffopt_core.errors import BadInput
from diffopt_core.perception.weights import cards, shipped
from torch import Tensor

from diffopt_priors.cards import SHIPPED
from diffopt_priors.mdm import checkpoint
from diffopt_priors.mdm.denoiser import Denoiser, trajectory_mask
from diffopt_priors.mdm.diffusion import Diffusion, cosine_betas, linear_betas
from diffopt_priors.mdm.embedded import MotionTransformer
from diffopt_priors.mdm.network import MDM
from diffopt_priors.mdm.spectral import Spectral

FORMAT = 2
#: Noise schedules that a card may name.
SCHEDULES = {"cosine": cosine_betas, "linear": linear_betas}
_SOURCE = (
    "expected weights of this program: `diffopt train mdm` or `diffopt train import-mdm` writes the .safetensors and "
    "its .json card together"
)


def resolve(weights: str) -> Path:
    """File of a shipped name ("nc") or of a path; fails with where to get and put it."""
    own = SHIPPED / f"mdm_{weights}.safetensors"
    # A name is a bare word; whatever has a folder or an ending is a file.
    path = Path(weights) if Path(weights).suffix or Path(weights).name != weights else own
    shipped.require(
        "mdm",
        SHIPPED,
        (path, path.with_suffix(".json")),
        ". Train your own with `diffopt train mdm --data FOLDER --out FOLDER` and give the file: "
        "--set prior.weights=PATH/mdm.safetensors (its .json card beside it).",
    )
    return path


def build(card: dict[str, Any]) -> Denoiser:
    """Denoiser with the card's shape and statistics and random weights."""
    embedded = card.get("features") != "humanml3d"
    channels = len(card["mean"])
    spectral = None
    if embedded:
        # Filled by the weight file, which holds the numbers that are too many for a card.
        spectral = Spectral(
            torch.eye(channels),
            torch.ones(channels, card["window"]),
            trajectory_mask(channels),
            card["diffusion"].get("colour", 0.0),
        )
    return Denoiser(
        MotionTransformer(**card["network"]) if embedded else MDM(**card["network"]),
        Diffusion(SCHEDULES[card["diffusion"]["schedule"]](card["diffusion"]["steps"])),
        mean=torch.tensor(card["mean"]),
        std=torch.tensor(card["std"]),
        offsets=torch.tensor(card["skeleton"]["offsets"]),
        spectral=spectral,
    )


def load(path: Path) -> tuple[Denoiser, dict[str, Any]]:
    """Frozen denoiser in evaluation mode (float32, CPU) and its card."""
    described = path.with_suffix(".json")
    stored, card = cards.read(path, {"format": FORMAT}, _SOURCE)
    state = {key: value.float() for key, value in stored.items()}
    try:
        denoiser = build(card)
    except KeyError as error:
        raise BadInput(described, str(error.args[0]), f"missing from the card, or unknown; {_SOURCE}") from error
    except (TypeError, ValueError, RuntimeError) as error:
        raise BadInput(described, "card", f"describes no network ({str(error).splitlines()[0]}); {_SOURCE}") from error
    checkpoint.compare(path, state, denoiser.state_dict(), _SOURCE)
    denoiser.load_state_dict(state)
    return denoiser.eval().requires_grad_(False), card


def save(path: Path, state: dict[str, Tensor], card: dict[str, Any], dtype: torch.dtype = torch.float16) -> None:
    """Write weights and card; each file is replaced in one step. Spectral statistics stay float32: their rows are
    orthonormal to more digits than half precision has."""
    kept = {k: v.to(torch.float32 if k.startswith("spectral.") else dtype) for k, v in state.items()}
    cards.write(path, kept, {"format": FORMAT, **card})
