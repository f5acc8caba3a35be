"""Weights that ship with this package, and the terms in the card beside a weight file. No torch."""

from __future__ import annotations

import json
from pathlib import Path

#: Weights that ship with the package, as PRIOR_NAME.safetensors.
SHIPPED = Path(__file__).parent / "weights"


def terms(prior: str, weights: str) -> str | None:
    """Terms of shipped weights by name or of a file by its path; None where no card says any."""
    shipped = SHIPPED / f"{prior}_{weights}.json"
    path = shipped if shipped.is_file() else Path(weights).with_suffix(".json")
    try:
        card = json.loads(path.read_text())
        found = [str(line) for line in card["terms"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return f"weights '{weights}': {' '.join(found)}" if found else None
