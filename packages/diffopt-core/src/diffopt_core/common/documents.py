"""JSON and TOML. What somebody else may have written: in any encoding of Unicode, one line where that fails."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from ..errors import reading


def read_json(path: Path, end: str = "") -> Any:
    """Raises BadInput for a file that is not there, or no JSON. ``end``: the end of its line."""
    with reading(path, "JSON", end):
        return json.loads(path.read_bytes())


def read_toml(path: Path) -> dict[str, Any]:
    """Raises BadInput for a file that is not there, or no TOML."""
    with reading(path, "TOML"):
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))


def write_json(path: Path, content: Any) -> None:
    """Written whole or not at all. Raises DiffOptError naming a folder that cannot be written."""
    from .npz import atomic  # brings numpy, which completion in a shell does without

    with atomic(path) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())
