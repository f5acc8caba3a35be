"""Weights of our own: safetensors for the numbers, a JSON card beside it for what they mean."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ...errors import BadInput


def read(path: Path, marks: Mapping[str, Any], source: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors (CPU, as stored) and card of the weights at ``path``.

    ``marks``: what the card must say of itself, as its format. ``source``: where such a file comes from, the end of
    every message. Raises BadInput that names the file and what is wrong with it.
    """
    beside = path.with_suffix(".json")
    try:
        card = json.loads(beside.read_text())
    except (OSError, ValueError) as error:
        raise BadInput(beside, "file", f"the card of the weights cannot be read as JSON ({error}); {source}") from error
    for key, wanted in marks.items():
        found = card.get(key) if isinstance(card, dict) else None
        if found != wanted:
            raise BadInput(beside, key, f"is {found!r}; this version reads {wanted!r} here; {source}")
    try:
        return load_file(path), card
    except (OSError, SafetensorError) as error:
        problem = f"truncated, or cannot be read as safetensors ({str(error).splitlines()[0]})"
        raise BadInput(path, "file", f"{problem}; {source}") from error


def write(path: Path, state: Mapping[str, Tensor], card: Mapping[str, Any]) -> None:
    """Write weights as they are, and the card; each file is replaced in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    save_file({key: value.detach().contiguous() for key, value in state.items()}, temporary)
    temporary.chmod(0o644)  # safetensors makes private files
    os.replace(temporary, path)
    temporary.write_text(json.dumps(card, indent=1) + "\n")
    os.replace(temporary, path.with_suffix(".json"))
