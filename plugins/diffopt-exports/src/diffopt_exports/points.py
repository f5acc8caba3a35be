"""``motion.csv`` for spreadsheets; ``motion.trc`` (Track Row Column), the marker format that OpenSim reads."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
from diffopt_core.common.npz import atomic
from diffopt_core.interfaces import BuildContext
from diffopt_core.types import Result

from .configs import CsvConfig, TrcConfig
from .files import write_beside
from .options import joint_names
from .performance import Performance, perform
from .words import Axes, chosen, describe


def joint_rows(performance: Performance, axes: Axes, first: int) -> np.ndarray:
    """Frame number (from ``first``), seconds, and x y z of each joint in ``axes``: ``[T 2+3J]``."""
    frames = np.arange(performance.num_frames)
    places = axes.points(performance.joints).reshape(len(frames), -1)
    return np.c_[frames + first, frames / performance.fps, places]


def write_rows(file: IO[bytes], rows: np.ndarray, decimals: int, separator: str) -> None:
    """The rows as text: a whole number, then numbers with so many decimals."""
    np.savetxt(file, rows, ["%d", *[f"%.{decimals}f"] * (rows.shape[1] - 1)], separator)


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


class TrcExporter:
    """Implements :class:`diffopt_core.interfaces.Exporter`."""

    def __init__(self, options: TrcConfig, ctx: BuildContext | None = None):
        self._options = options

    def export(self, result: Result, folder: Path) -> list[Path]:
        """Write ``motion.trc`` and ``motion.trc.json``; raises DiffOptError naming a folder that cannot be written."""
        options = self._options
        performance = perform(result, options)
        axes = chosen(options.up, options.unit, Axes("y", "m"))
        path = folder / "motion.trc"
        with atomic(path) as file:
            file.write(_head(performance, joint_names(options.names), axes.unit).encode())
            write_rows(file, joint_rows(performance, axes, first=1), options.decimals, "\t")
        words = describe(performance, options, axes, markers="joints of the body, not points on its skin")
        return [path, write_beside(path, words)]


def _head(performance: Performance, names: tuple[str, ...], unit: str) -> str:
    """Five lines; the fourth has a marker's name over the first of its three columns. Then an empty line."""
    rate, count = f"{performance.fps:.6g}", performance.num_frames
    fields = {
        "DataRate": rate, "CameraRate": rate, "NumFrames": count, "NumMarkers": len(names), "Units": unit,
        "OrigDataRate": rate, "OrigDataStartFrame": 1, "OrigNumFrames": count,
    }  # fmt: skip
    axes = [f"{axis}{marker}" for marker in range(1, len(names) + 1) for axis in "XYZ"]
    lines = (
        ["PathFileType", "4", "(X/Y/Z)", "motion.trc"],
        list(fields),
        [str(value) for value in fields.values()],
        ["Frame#", "Time", *(cell for name in names for cell in (name, "", ""))],
        ["", "", *axes],
        [""],
    )
    return "".join("\t".join(line) + "\n" for line in lines)
