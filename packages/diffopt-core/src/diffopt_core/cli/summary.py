"""The tables at the end of a run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from ..common.console import fail, grid, out, say
from ..common.reasons import tell_few, tell_reasons
from ..common.words import counted, percent, plural
from ..parts.assumed import Ground, as_data, grounds, marked
from ..parts.metrics import OF_ITSELF
from ..parts.metrics.quality import UNITS, quality, true_quality

if TYPE_CHECKING:
    from pathlib import Path

    from ..results.run import Run
    from ..types import Result

#: Initial, final, and the truth's own.
Three = tuple[float | None, float | None, float | None]
Rows = dict[str, tuple[str, Three]]


def summary(run: Run, results: Sequence[Result], rows: Sequence[Rows]) -> list[dict[str, Any]]:
    """The summary as data. Unknown values are null."""
    told = []
    for result, row in zip(results, rows, strict=bool(rows)):
        folder = run.folder(result.clip.name)
        told.append(
            {
                "clip": result.clip.name,
                "status": result.status,
                "doubt": result.provenance.get("doubt"),
                "not_trusted": list(result.untrusted),
                "notices": list(result.clip.facts.get("warnings", ())),
                "folder": folder,
                "files": _files(folder),
                "frames": result.clip.num_frames,
                "fps": result.clip.fps,
                "units": {name: unit for name, (unit, _) in row.items()},
                "initial": {name: pair[0] for name, (_, pair) in row.items()},
                "final": {name: pair[1] for name, (_, pair) in row.items()},
                "truth": {name: pair[2] for name, (_, pair) in row.items() if pair[2] is not None},
                "assumed": as_data(result),
                "seconds": result.provenance.get("seconds", {}),
            }
        )
    return told


def print_summary(run: Run, results: Sequence[Result], rows: Sequence[Rows]) -> None:
    """Print assumptions, initial and final values, those of the truth, seconds per stage, files. For several clips:
    means, then a line per clip."""
    title = results[0].clip.name if len(results) == 1 else f"mean of {len(results)} clips"
    scored = any(three[2] is not None for row in rows for _, three in row.values())
    table = grid(title, "unit", "initial", "final", "change", *(["truth"] if scored else []))
    for column in table.columns[2:]:
        column.justify = "right"
    for name in rows[0]:
        threes = [row[name][1] for row in rows if name in row]
        unit = max((row[name][0] for row in rows if name in row), key=len)  # a guess in one clip is one in the mean
        first, last, true = (_mean(three[n] for three in threes) for n in range(3))
        table.add_row(name, unit, _number(first), _number(last), percent(first, last),
                      *([_number(true)] if scored else []))  # fmt: skip
    out.print()
    for line in _rests_on([grounds(result) for result in results]):
        say(line)
    out.print()
    out.print(table)
    if len(results) > 1:
        _print_clips(run, results, rows)
    _print_seconds(results)
    for result in results:
        folder = run.folder(result.clip.name)
        say(f"wrote {folder}: {', '.join(_files(folder))}")


def _rests_on(each: Sequence[tuple[Ground, ...]]) -> list[str]:
    """A line for each thing that the results rest on; one that differs between clips is told as such."""
    lines = []
    for rows in zip(*each, strict=False):
        said = {row.said for row in rows}
        text = rows[0].said if len(said) == 1 else f"differs between the clips: {rows[0].said}, … (run.json)"
        lines.append(f"{rows[0].what}: {text}")
    return lines


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def rows_of(run: Run, result: Result) -> Rows:
    """Row -> unit, (initial, final, truth). Scores against truth come first, if there is a truth."""
    rows: Rows = {}
    if result.metrics:
        units, true = _units(run), result.metrics.get("truth", {})
        for name, last in result.metrics["final"].items():
            unit = marked(units.get(name, ""), result) if name in OF_ITSELF else units.get(name, "")
            rows[name] = unit, (result.metrics["initial"].get(name), last, true.get(name))
    own = true_quality(result.clip)
    for name, (first, final) in quality(result).items():
        rows[name] = marked(UNITS[name], result), (first, final, own.get(name))
    return rows


def _units(run: Run) -> dict[str, str]:
    from ..parts.metrics.report import metrics_named

    metrics = metrics_named(run.recipe.metrics, run.registry.context().build)
    return {name: metric.unit for name, metric in metrics.items()}


def _print_clips(run: Run, results: Sequence[Result], rows: Sequence[Rows]) -> None:
    """A line per clip: status, the first score, speed and reprojection."""
    shown = [name for name in rows[0] if name in (run.recipe.metrics[:1] or ()) or name in UNITS]
    table = grid("clip", "status", *(f"{name} [{rows[0][name][0]}]".replace("[", r"\[") for name in shown))
    for result, row in zip(results, rows, strict=True):
        cells = [" → ".join(_number(value) for value in row[name][1][:2]) if name in row else "–" for name in shown]
        status = "not trusted" if result.untrusted and result.status == "finished" else str(result.status)
        table.add_row(result.clip.name, status, *cells)
    out.print()
    out.print(table)


def _print_seconds(results: Sequence[Result]) -> None:
    """Print seconds of perception per video (as measured when it was computed), and of each stage per batch."""
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


def print_failures(reasons: Sequence[str], inputs: int, errors: Sequence[str]) -> None:
    """The inputs without a result: a line each for a few, and how many have each reason."""
    if not reasons:
        return
    tell_few(errors, fail)
    tell_reasons("reason", "inputs", reasons)
    others = "; the others are written" if len(reasons) < inputs else ""
    fail(f"{len(reasons)} of {counted(inputs, 'input')} {plural(len(reasons), 'has')} no result{others}")


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return fmean(known) if known else None


def _number(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"
