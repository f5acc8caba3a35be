"""The tables at the end of a run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from .console import grid, out, say
from .quality import UNITS, quality

if TYPE_CHECKING:
    from ..run import Run
    from ..types import Result

Pair = tuple[float | None, float | None]


def print_summary(run: Run, results: Sequence[Result]) -> None:
    """Initial against final, seconds per stage, files. Several clips: their means, then a line for each."""
    rows = [_rows(run, result) for result in results]
    title = results[0].clip.name if len(results) == 1 else f"mean of {len(results)} clips"
    table = grid(title, "unit", "initial", "final", "change")
    for column in table.columns[2:]:
        column.justify = "right"
    for name, (unit, _) in rows[0].items():
        pairs = [row[name][1] for row in rows if name in row]
        first, last = _mean(pair[0] for pair in pairs), _mean(pair[1] for pair in pairs)
        table.add_row(name, unit, _number(first), _number(last), _change(first, last))
    out.print()
    out.print(table)
    if len(results) > 1:
        _print_clips(run, results, rows)
    _print_seconds(results)
    for result in results:
        folder = run.folder(result.clip.name)
        names = ", ".join(sorted(path.name for path in folder.iterdir() if path.is_file()))
        say(f"wrote {folder}: {names}")


def _rows(run: Run, result: Result) -> dict[str, tuple[str, Pair]]:
    """Row -> unit, (initial, final). Scores against truth first, where there is one."""
    rows: dict[str, tuple[str, Pair]] = {}
    if result.metrics:
        units = _units(run)
        for name, last in result.metrics["final"].items():
            rows[name] = units.get(name, ""), (result.metrics["initial"].get(name), last)
    for name, pair in quality(result).items():
        rows[name] = UNITS[name], pair
    return rows


def _units(run: Run) -> dict[str, str]:
    from ..evaluate import metrics_named

    def build(kind: str, name: str, options: Any) -> Any:
        return run.registry.build(kind, name, options, None)  # a metric needs no context

    return {name: metric.unit for name, metric in metrics_named(run.recipe.metrics, build).items()}


def _print_clips(run: Run, results: Sequence[Result], rows: Sequence[dict[str, tuple[str, Pair]]]) -> None:
    """A line a clip: status, the first score, speed and reprojection."""
    shown = [name for name in rows[0] if name in (run.recipe.metrics[:1] or ()) or name in UNITS]
    table = grid("clip", "status", *(f"{name} [{rows[0][name][0]}]".replace("[", r"\[") for name in shown))
    for result, row in zip(results, rows, strict=True):
        cells = [" → ".join(_number(value) for value in row[name][1]) if name in row else "–" for name in shown]
        table.add_row(result.clip.name, str(result.status), *cells)
    out.print()
    out.print(table)


def _print_seconds(results: Sequence[Result]) -> None:
    """Seconds that looking at each video took when it was done, and of each stage, once a batch: clips share them."""
    for result in results:
        took = {kind: part.facts["seconds"] for kind, part in result.clip.parts.items() if "seconds" in part.facts}
        if took:
            say(
                f"\nseconds of perception, {result.clip.name}: "
                + ", ".join(f"{name} {s:.1f}" for name, s in took.items())
            )
    seen: list[object] = []
    for result in results:
        seconds = result.provenance.get("seconds", {})
        if any(seconds is other for other in seen):
            continue
        seen.append(seconds)
        clips = len(result.provenance.get("batch", [1]))
        parts = ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())
        together = f" for {clips} clips together" if clips > 1 else ""
        say(f"\nseconds{together}: {parts}")


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return fmean(known) if known else None


def _number(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"


def _change(first: float | None, last: float | None) -> str:
    if first is None or last is None or not first:
        return ""
    return f"{(last - first) / abs(first):+.0%}"
