"""Terms of use of a weight file, from the card beside it. No torch."""

from __future__ import annotations

import json
from pathlib import Path

_SHIPPED = Path(__file__).parent / "weights"


def terms(prior: str, weights: str) -> str | None:
    """Terms of shipped weights by name or of a file by its path; None where no card says any."""
    shipped = _SHIPPED / f"{prior}_{weights}.json"
    path = shipped if shipped.is_file() else Path(weights).with_suffix(".json")
    try:
        card = json.loads(path.read_text())
        found = [str(line) for line in card["terms"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return f"weights '{weights}': {' '.join(found)}" if found else None
