"""``motion.csv``: for spreadsheets, R, pandas."""

from __future__ import annotations

from pathlib import Path

from diffopt_core.datasets.npz import atomic
from diffopt_core.interfaces import BuildContext
from diffopt_core.types import Result

from ..files import write_beside
from ..names import joint_names
from ..orient import Axes, chosen
from ..performance import perform
from ..words import describe
from .config import CsvConfig
from .table import joint_rows, write_rows


class CsvExporter:
    """Implements :class:`diffopt_core.interfaces.Exporter`."""

    def __init__(self, options: CsvConfig, ctx: BuildContext | None = None):
        self._options = options

    def export(self, result: Result, folder: Path) -> list[Path]:
        """Write ``motion.csv`` and ``motion.csv.json``; raises DiffOptError naming a folder that cannot be written."""
        options = self._options
        performance = perform(result, options)
        axes = chosen(options.up, options.unit, Axes("y", "m"))
        head = ["frame", "time", *(f"{name}_{axis}" for name in joint_names(options.names) for axis in "xyz")]
        path = folder / "motion.csv"
        with atomic(path) as file:
            file.write((",".join(head) + "\n").encode())
            write_rows(file, joint_rows(performance, axes, first=0), options.decimals, ",")
        return [path, write_beside(path, describe(performance, options, axes, time="seconds"))]
