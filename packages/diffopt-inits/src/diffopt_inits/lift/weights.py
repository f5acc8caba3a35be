"""Weight files: safetensors for the numbers, a JSON card beside it for what they mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffopt_core.errors import BadInput
from diffopt_core.perception.weights import cards
from torch import Tensor

from .inputs import CHANNELS
from .network import LiftNetwork

FORMAT = 1
_SOURCE = "expected weights of `diffopt train lift`, which writes the .safetensors and its .json card together"


def load(path: Path) -> tuple[LiftNetwork, dict[str, Any]]:
    """Frozen network (float32, CPU) and its card. Raises BadInput."""
    stored, card = cards.read(path, {"format": FORMAT}, _SOURCE)
    try:
        network = LiftNetwork(CHANNELS, **card["network"])
        network.load_state_dict({key: value.float() for key, value in stored.items()})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise BadInput(path, "network", f"is not what its card describes ({reason}); {_SOURCE}") from error
    return network.eval().requires_grad_(False), card


def save(path: Path, state: dict[str, Tensor], card: dict[str, Any]) -> None:
    """Write weights (half precision) and card; each file is replaced in one step."""
    cards.write(path, {key: value.half() for key, value in state.items()}, {"format": FORMAT, **card})
