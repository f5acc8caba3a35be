"""The numbers of a result: scores where there is truth, and what it says of itself without."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import DiffOptError
from ..metrics.report import metrics_named
from ..quality import UNITS, quality
from ..types import Result

#: What stands at the head of the page, the first four that there are.
_HEAD = ("rigid_clip", "W-MPJPE100", "RTE", "pa_mpjpe", "WA-MPJPE100", "jitter", "foot skate", "reprojection", "speed",
         "path")  # fmt: skip
#: For these, less is not better.
_NEUTRAL = frozenset({"speed", "path", "path_ratio"})

_NONE = (None, None)


@dataclass(frozen=True)
class Figure:
    """``initial`` None and ``finals`` one a result; nan is unknown. ``less``: a smaller value is a better one."""

    name: str
    unit: str
    initial: float | None
    finals: tuple[float, ...]
    less: bool


def figures_of(results: Sequence[Result]) -> list[Figure]:
    """Scores first, then plausibility; the initial placement's where there is one result."""
    rows: list[Figure] = []
    names = list(dict.fromkeys(name for r in results for name in r.metrics.get("final", {})))
    for name in names:
        finals = tuple(_number(r.metrics.get("final", {}).get(name)) for r in results)
        first = _number(results[0].metrics.get("initial", {}).get(name)) if len(results) == 1 else None
        rows.append(Figure(name, _unit(name), first, finals, name not in _NEUTRAL))
    own = [quality(result) for result in results]
    for name, unit in UNITS.items():
        finals = tuple(_number(table.get(name, _NONE)[1]) for table in own)
        first = _number(own[0].get(name, _NONE)[0]) if len(results) == 1 else None
        rows.append(Figure(name, unit, first, finals, name not in _NEUTRAL))
    return [row for row in rows if any(map(math.isfinite, row.finals))]


def head_of(figures: Sequence[Figure]) -> list[Figure]:
    by_name = {row.name: row for row in figures}
    return [by_name[name] for name in _HEAD if name in by_name][:4]


def written(value: float | None) -> str:
    """Three digits that count, no exponent."""
    if value is None or not math.isfinite(value):
        return "–"
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def change(first: float | None, last: float) -> str:
    if first is None or not (math.isfinite(first) and math.isfinite(last)) or abs(first) < 1e-9:
        return ""
    return f"{100 * (last / first - 1):+.0f}\N{NO-BREAK SPACE}%".replace("-", "−")


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _unit(name: str) -> str:
    """A plugin's metric has its unit in the plugin, which a report does not load."""
    try:
        unit = metrics_named([name])[name].unit
    except DiffOptError:
        return ""
    return {"10 m/s^3": "10 m/s³"}.get(unit, unit)
