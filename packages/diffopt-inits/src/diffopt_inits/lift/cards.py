"""Weight files by name and path, and the terms in the card beside them. No torch."""

from __future__ import annotations

import json
from pathlib import Path

from diffopt_core.errors import MissingResource

#: Weights that ship with the package, as lift_NAME.safetensors.
SHIPPED = Path(__file__).parent / "weights"


def named(weights: str) -> Path:
    """File of a shipped name ("open") or of a path, there or not."""
    word = Path(weights).name == weights and not Path(weights).suffix
    return SHIPPED / f"lift_{weights}.safetensors" if word else Path(weights).expanduser()


def resolve(weights: str) -> Path:
    """File of a shipped name or of a path. Raises MissingResource with the names there are."""
    path = named(weights)
    for file in (path, path.with_suffix(".json")):
        if not file.is_file():
            names = ", ".join(sorted(p.stem.removeprefix("lift_") for p in SHIPPED.glob("lift_*.safetensors")))
            raise MissingResource(
                f"initializer lift: {file} not found. Shipped weights: {names or 'none'}. Train your own with `diffopt "
                "train lift --data FOLDER --out FOLDER`, then --set initializer.weights=FOLDER/lift.safetensors"
            )
    return path


def terms(weights: str) -> str:
    """Terms of the motion that weights were trained on; empty where no card says any."""
    try:
        found = [str(line) for line in json.loads(named(weights).with_suffix(".json").read_text())["terms"]]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f"weights '{weights}': {' '.join(found)}" if found else ""
