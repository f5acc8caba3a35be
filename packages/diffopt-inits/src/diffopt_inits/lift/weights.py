"""Weight files: safetensors for the numbers, a JSON card beside it for what they mean."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from diffopt_core.errors import BadInput
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from .inputs import CHANNELS
from .network import LiftNetwork

FORMAT = 1
_SOURCE = "expected weights of `diffopt train lift`, which writes the .safetensors and its .json card together"


def load(path: Path) -> tuple[LiftNetwork, dict[str, Any]]:
    """Frozen network (float32, CPU) and its card. Raises BadInput."""
    described = path.with_suffix(".json")
    try:
        card = json.loads(described.read_text())
    except (OSError, ValueError) as error:
        raise BadInput(described, "file", f"card cannot be read as JSON; {_SOURCE}") from error
    found = card.get("format") if isinstance(card, dict) else None
    if found != FORMAT:
        raise BadInput(described, "format", f"is {found!r}; this version reads {FORMAT}; {_SOURCE}")
    try:
        state = {key: value.float() for key, value in load_file(path).items()}
        network = LiftNetwork(CHANNELS, **card["network"])
        network.load_state_dict(state)
    except (OSError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(path, "file", f"weights cannot be read as safetensors ({reason}); {_SOURCE}") from error
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise BadInput(path, "network", f"is not what its card describes ({reason}); {_SOURCE}") from error
    return network.eval().requires_grad_(False), card


def save(path: Path, state: dict[str, Tensor], card: dict[str, Any]) -> None:
    """Write weights (half precision) and card; each file is replaced in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    save_file({key: value.detach().to(torch.float16).contiguous() for key, value in state.items()}, temporary)
    temporary.chmod(0o644)  # safetensors makes private files
    os.replace(temporary, path)
    temporary.write_text(json.dumps({"format": FORMAT, **card}, indent=1) + "\n")
    os.replace(temporary, path.with_suffix(".json"))
