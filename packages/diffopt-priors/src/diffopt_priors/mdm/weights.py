"""Weight files: safetensors for the numbers, a JSON card beside it for what they mean.

The card is the only source of the network's shape, the feature statistics, the reference skeleton, the
frame rate and the terms of the training data.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from diffopt_core.errors import BadInput, MissingResource
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from diffopt_priors.mdm.denoiser import Denoiser
from diffopt_priors.mdm.diffusion import Diffusion, cosine_betas
from diffopt_priors.mdm.network import MDM

FORMAT = 1
#: Weights that ship with the package, by name.
SHIPPED = Path(__file__).parents[1] / "weights"


def resolve(weights: str) -> Path:
    """File of a shipped name ("nc") or of a path; fails with where to get and put it."""
    shipped = SHIPPED / f"mdm_{weights}.safetensors"
    path = shipped if "/" not in weights and not weights.endswith(".safetensors") else Path(weights)
    missing = [p.name for p in (path, path.with_suffix(".json")) if not p.is_file()]
    if missing:
        names = sorted(p.stem.removeprefix("mdm_") for p in SHIPPED.glob("mdm_*.safetensors"))
        raise MissingResource(
            f"prior mdm: {' and '.join(missing)} not found in {path.parent or '.'}. "
            f"Shipped weights: {', '.join(names) or 'none'}. Train your own with "
            "`diffopt train mdm --data FOLDER --out FOLDER` and give the file: "
            "--set prior.weights=PATH/mdm.safetensors (its .json card beside it)."
        )
    return path


def build(card: dict[str, Any]) -> Denoiser:
    """Denoiser with the card's shape and statistics and random weights."""
    network = MDM(**card["network"])
    return Denoiser(
        network,
        Diffusion(cosine_betas(card["diffusion"]["steps"])),
        mean=torch.tensor(card["mean"]),
        std=torch.tensor(card["std"]),
        offsets=torch.tensor(card["skeleton"]["offsets"]),
        sigma_data=card["diffusion"]["sigma_data"],
    )


def load(path: Path) -> tuple[Denoiser, dict[str, Any]]:
    """Frozen denoiser in evaluation mode (float32, CPU) and its card."""
    try:
        card = json.loads(path.with_suffix(".json").read_text())
        state: dict[str, Tensor] = {k: v.float() for k, v in load_file(path).items()}
    except (json.JSONDecodeError, SafetensorError) as error:
        raise BadInput(path, "file", f"weights or .json card cannot be read: {error}") from error
    if card.get("format") != FORMAT:
        raise BadInput(path.with_suffix(".json"), "format", f"is {card.get('format')!r}; this version reads {FORMAT}")
    denoiser = build(card)
    try:
        denoiser.network.load_state_dict(state)
    except RuntimeError as error:
        raise BadInput(path, "network", f"weights do not match the card: {error}") from error
    return denoiser.eval().requires_grad_(False), card


def save(path: Path, state: dict[str, Tensor], card: dict[str, Any], dtype: torch.dtype = torch.float16) -> None:
    """Write weights and card; each file is replaced in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    save_file({k: v.detach().to(dtype).contiguous() for k, v in state.items()}, temporary)
    temporary.chmod(0o644)  # safetensors makes private files
    os.replace(temporary, path)
    text = json.dumps({"format": FORMAT, **card}, indent=1)
    temporary.write_text(text + "\n")
    os.replace(temporary, path.with_suffix(".json"))
