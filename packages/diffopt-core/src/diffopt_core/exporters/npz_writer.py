"""``motion.npz``: float32 arrays, and the conventions as strings beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..datasets.npz import write_npz
from ..types import Result
from .arrays import labels, motion_arrays


class NpzExporter:
    """Implements :class:`diffopt_core.interfaces.Exporter`."""

    def export(self, result: Result, folder: Path) -> list[Path]:
        """Write ``motion.npz`` atomically; raises DiffOptError naming a folder that cannot be written."""
        path = folder / "motion.npz"
        words = {key: np.array(text) for key, text in labels(result).items()}
        write_npz(path, {**motion_arrays(result), **words})
        return [path]
