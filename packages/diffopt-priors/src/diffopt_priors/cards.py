"""Weight files by name and path, and the terms in the card beside them. No torch."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from diffopt_core.errors import MissingResource

#: Weights that ship with the package, as PRIOR_NAME.safetensors.
SHIPPED = Path(__file__).parent / "weights"


def require(prior: str, files: Iterable[Path], remedy: str) -> None:
    """Fails where a file is missing, with the names that ship and ``remedy``: where to get one and put it."""
    files = tuple(files)
    missing = [path.name for path in files if not path.is_file()]
    if missing:
        names = sorted(p.stem.removeprefix(f"{prior}_") for p in SHIPPED.glob(f"{prior}_*.safetensors"))
        raise MissingResource(
            f"prior {prior}: {' and '.join(missing)} not found in {files[0].parent or '.'}. "
            f"Shipped weights: {', '.join(names) or 'none'}{remedy}"
        )


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
