"""``motion.trc``: Track Row Column, the marker format of Motion Analysis that OpenSim reads. Tabs between columns."""

from __future__ import annotations

from pathlib import Path

from diffopt_core.datasets.npz import atomic
from diffopt_core.interfaces import BuildContext
from diffopt_core.types import Result

from ..files import write_beside
from ..names import joint_names
from ..orient import Axes, chosen
from ..performance import Performance, perform
from ..words import describe
from .config import TrcConfig
from .table import joint_rows, write_rows


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
