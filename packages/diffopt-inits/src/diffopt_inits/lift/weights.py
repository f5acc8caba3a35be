"""Weight files of the lifting network: safetensors with a JSON card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from .config import LIFT
from .inputs import CHANNELS
from .network import LiftNetwork


def load(path: Path) -> tuple[LiftNetwork, dict[str, Any]]:
    """Frozen network (float32, CPU) and its card. Raises BadInput."""
    return LIFT.load(path, lambda card: LiftNetwork(CHANNELS, **card["network"]))


def save(path: Path, state: dict[str, Tensor], card: dict[str, Any]) -> None:
    """Write weights (half precision) and card, each atomically."""
    LIFT.write(path, {key: value.half() for key, value in state.items()}, card)
