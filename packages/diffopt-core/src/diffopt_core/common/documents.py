"""JSON and TOML that somebody else may have written: in any encoding of Unicode, one line where that fails."""

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
