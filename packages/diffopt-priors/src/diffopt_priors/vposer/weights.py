"""Where weights are found and how they are checked.

Shipped and own weights are safetensors with a JSON card beside them; published checkpoints are read as they are
(:mod:`diffopt_priors.vposer.official`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from diffopt_core.errors import MissingResource

from diffopt_priors.cards import VPOSER_WEIGHTS
from diffopt_priors.vposer import official
from diffopt_priors.vposer.network import VPoser


def resolve(weights: str) -> Path:
    """File of a shipped name ("open"), of a path, or of a folder of a published model (its last snapshot)."""
    given = VPOSER_WEIGHTS.file(weights)
    return _last_snapshot(given) if given.is_dir() else VPOSER_WEIGHTS.resolve(weights)


def _last_snapshot(folder: Path) -> Path:
    """The snapshot of the highest epoch in a published model's folder."""
    found = [
        p for where in (folder / "snapshots", folder) for p in where.glob("*") if p.suffix in VPOSER_WEIGHTS.published
    ]
    if not found:
        raise MissingResource(
            f"prior vposer: no checkpoint (snapshots/*.ckpt or *.pt) in the folder {folder}; {VPOSER_WEIGHTS.source}"
        )
    return max(found, key=lambda path: [int(digits) for digits in re.findall(r"\d+", path.stem)])


def load(path: Path) -> tuple[VPoser, dict[str, Any]]:
    """Frozen network in evaluation mode (float32, CPU) and its card."""
    if path.suffix != ".safetensors":
        network = official.read(path)
        return network.eval().requires_grad_(False), {"name": path.stem}
    return VPOSER_WEIGHTS.load(path, lambda card: VPoser(**card["network"]))


def export(path: Path, network: VPoser, card: dict[str, Any]) -> None:
    """Write weights (half precision) and card; each file is replaced in one step."""
    state = {k: v.half() for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")}
    VPOSER_WEIGHTS.write(path, state, {"name": path.stem, "network": network.settings(), **card})
