"""Where weights are found and how they are checked.

Shipped and own weights are safetensors with a JSON card beside them; published checkpoints are read as they are
(:mod:`diffopt_priors.vposer.official`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from diffopt_core.errors import BadInput, MissingResource
from diffopt_core.perception.weights import cards, shipped

from diffopt_priors.cards import SHIPPED
from diffopt_priors.vposer import official
from diffopt_priors.vposer.checkpoint import SOURCES, fill
from diffopt_priors.vposer.network import VPoser

_MARKS = {"kind": "vposer", "format": 1}
_CHECKPOINTS = (".ckpt", ".pt", ".pth")


def resolve(weights: str) -> Path:
    """File of a shipped name ("open"), of a path, or of a folder of a published model (its last snapshot)."""
    given = Path(weights)
    if "/" not in weights and given.suffix not in (*_CHECKPOINTS, ".safetensors") and not given.exists():
        given = SHIPPED / f"vposer_{weights}.safetensors"
    if given.is_dir():
        return _last_snapshot(given)
    needed = [given, given.with_suffix(".json")] if given.suffix == ".safetensors" else [given]
    shipped.require("vposer", SHIPPED, needed, f"; {SOURCES}; give the file: --set prior.weights=PATH")
    return given


def _last_snapshot(folder: Path) -> Path:
    """The snapshot of the highest epoch in a published model's folder."""
    found = [p for where in (folder / "snapshots", folder) for p in where.glob("*") if p.suffix in _CHECKPOINTS]
    if not found:
        raise MissingResource(
            f"prior vposer: no checkpoint (snapshots/*.ckpt or *.pt) in the folder {folder}; {SOURCES}"
        )
    return max(found, key=lambda path: [int(digits) for digits in re.findall(r"\d+", path.stem)])


def load(path: Path) -> tuple[VPoser, dict[str, Any]]:
    """Frozen network in evaluation mode (float32, CPU) and its card."""
    if path.suffix != ".safetensors":
        network = official.read(path)
        return network.eval().requires_grad_(False), {"name": path.stem}
    beside = path.with_suffix(".json")
    stored, card = cards.read(path, _MARKS, SOURCES)
    try:
        network = VPoser(**card["network"])
    except (KeyError, TypeError) as error:
        raise BadInput(beside, "network", f"edition, width and latent are expected ({error!r})") from error
    fill(network, path, {key: value.float() for key, value in stored.items()}, {})
    return network.eval().requires_grad_(False), card


def export(path: Path, network: VPoser, card: dict[str, Any]) -> None:
    """Write weights (half precision) and card; each file is replaced in one step."""
    state = {k: v.half() for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")}
    cards.write(path, state, {**_MARKS, "name": path.stem, "network": network.settings(), **card})
