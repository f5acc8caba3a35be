"""``motion.csv``: for spreadsheets, R, pandas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from diffopt_core.datasets.npz import atomic
from diffopt_core.types import Result

from ..files import write_beside
from ..names import joint_names
from ..orient import Axes, chosen
from ..performance import perform
from ..words import describe
from .config import CsvConfig


class CsvExporter:
    """Implements :class:`diffopt_core.interfaces.Exporter`."""

    def __init__(self, options: CsvConfig):
        self._options = options

    def export(self, result: Result, folder: Path) -> list[Path]:
        """Write ``motion.csv`` and ``motion.csv.json``; raises DiffOptError naming a folder that cannot be written."""
        options = self._options
        performance = perform(result, options)
        axes = chosen(options.up, options.unit, Axes("y", "m"))
        frames = np.arange(performance.num_frames)
        table = np.c_[frames, frames / performance.fps, axes.points(performance.joints).reshape(len(frames), -1)]
        head = ["frame", "time", *(f"{name}_{axis}" for name in joint_names(options.names) for axis in "xyz")]
        path = folder / "motion.csv"
        with atomic(path) as file:
            number = f"%.{options.decimals}f"
            np.savetxt(file, table, ["%d", *[number] * (table.shape[1] - 1)], ",", header=",".join(head), comments="")
        return [path, write_beside(path, describe(performance, options, axes, time="seconds"))]
