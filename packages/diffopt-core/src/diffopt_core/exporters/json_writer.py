"""``motion.json``: the arrays as lists, conventions, metrics, status; one object, no NaN (null instead)."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from ..datasets.npz import atomic
from ..interfaces import BuildContext
from ..types import Result
from .arrays import labels, motion_arrays
from .json import JsonConfig


class JsonExporter:
    """Implements :class:`diffopt_core.interfaces.Exporter`."""

    def __init__(self, config: JsonConfig, ctx: BuildContext | None = None):
        self._decimals = config.decimals

    def export(self, result: Result, folder: Path) -> list[Path]:
        """Write ``motion.json`` atomically; raises DiffOptError naming a folder that cannot be written."""
        content = {
            "name": result.clip.name,
            "status": str(result.status),
            "conventions": labels(result),
            "metrics": result.metrics,
            **{key: value.tolist() for key, value in motion_arrays(result).items()},
        }
        path = folder / "motion.json"
        text = json.dumps(self._rounded(content), separators=(",", ":"), allow_nan=False)
        with atomic(path) as file:
            file.write(text.encode() + b"\n")
        return [path]

    def _rounded(self, value: Any) -> Any:
        if isinstance(value, float):
            return round(value, self._decimals) if math.isfinite(value) else None
        if isinstance(value, list | tuple):
            return [self._rounded(item) for item in value]
        if isinstance(value, dict):
            return {key: self._rounded(item) for key, item in value.items()}
        return value
