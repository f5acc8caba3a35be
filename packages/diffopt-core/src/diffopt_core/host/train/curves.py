"""Training and validation curves of a run, from its ``log.jsonl``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

_NOT_CURVES = {"step", "seconds", "report"}
#: Part of a report that describes the data and never changes.
_CONSTANT = "data"


def _numbers(report: dict[str, Any], prefix: str = "") -> dict[str, float]:
    """Leaves of a nested report, by slash-joined names."""
    found: dict[str, float] = {}
    for key, value in report.items():
        name = f"{prefix}/{key}" if prefix else str(key)
        if key == _CONSTANT:
            continue
        if isinstance(value, dict):
            found |= _numbers(value, name)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = float(value)
    return found


def _panels(lines: list[dict[str, Any]]) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """Panel -> curve -> points. The losses share one panel; every group of the reports has its own."""
    panels: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for line in lines:
        for key, value in line.items():
            if key not in _NOT_CURVES:
                panels.setdefault("training", {}).setdefault(key, []).append((line["step"], value))
        for name, value in _numbers(line.get("report", {})).items():
            group, _, curve = name.rpartition("/")
            panels.setdefault(group or "validation", {}).setdefault(curve, []).append((line["step"], value))
    return panels


def draw(log: Path, out: Path) -> None:
    """Write the curves as PNG, in one step. A log without a line draws nothing."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line]
    panels = _panels(lines)
    if not panels:
        return
    from matplotlib.figure import Figure

    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(5.2 * columns, 3.6 * rows), layout="constrained")
    for i, (title, curves) in enumerate(panels.items()):
        axes = figure.add_subplot(rows, columns, i + 1)
        for name, points in curves.items():
            steps, values = zip(*points, strict=True)
            axes.plot(steps, values, label=name, linewidth=1.2, marker="." if len(points) < 30 else None)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("step")
        # Losses span decades; a curve that touches zero (a share, say) needs the linear part.
        axes.set_yscale("symlog", linthresh=1e-3)
        axes.grid(alpha=0.25)
        axes.legend(fontsize=7)
    temporary = out.with_suffix(".tmp.png")
    figure.savefig(temporary, dpi=110)
    os.replace(temporary, out)
