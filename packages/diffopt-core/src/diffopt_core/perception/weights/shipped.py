"""Weights that ship with a package, and the terms in the card beside a weight file. No torch."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ...errors import MissingResource


def require(name: str, shipped: Path, files: Iterable[Path], remedy: str, kind: str = "prior") -> None:
    """Raises MissingResource where a file of component ``name`` is missing, with those that ship
    (``shipped/mdm_nc.safetensors`` is ``nc`` of ``mdm``) and ``remedy``: where to get one and put it."""
    files = tuple(files)
    missing = [path.name for path in files if not path.is_file()]
    if missing:
        names = sorted(p.stem.removeprefix(f"{name}_") for p in shipped.glob(f"{name}_*.safetensors"))
        raise MissingResource(
            f"{kind} {name}: {' and '.join(missing)} not found in {files[0].parent or '.'}. "
            f"Shipped weights: {', '.join(names) or 'none'}{remedy}"
        )


def terms(weights: str, card: Path) -> str:
    """Terms of the data behind ``weights`` by their ``card``; empty where it says none, or is no card."""
    try:
        found = [str(line) for line in json.loads(card.read_text())["terms"]]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f"weights '{weights}': {' '.join(found)}" if found else ""
