"""A study as plain data for its report."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from statistics import fmean
from typing import Any

from diffopt_core.common.reasons import by_reason
from diffopt_core.common.words import counted
from diffopt_core.host.recipe import difference

from .layouts import Sheet, bracketed, head, number, probability, signed
from .model import NOT_SOLVED, Cell, State, Study
from .stats import DRAWS, FEWEST, Paired, Summary, paired, summary

#: Most keys printed of a recipe's difference; most lines of a table case by case, and of failures.
_KEYS, _LINES = 12, 200


def details(study: Study) -> list[Sheet]:
    """The sheets in report order; empty ones are omitted."""
    sheets = [intervals(study), *tests(study), *cases(study), costs(study), settings(study)]
    return [sheet for sheet in sheets if sheet.lines]


def intervals(study: Study) -> Sheet:
    """Mean, 95 % interval and median of every row in every column."""
    lines = []
    for row in study.rows:
        cells = []
        for column in study.shown:
            found, digits = summary(study, row.name, column.metric), study.digits(column.metric)
            seeds = f", seeds ±{number(found.over_seeds, digits)}" if math.isfinite(found.over_seeds) else ""
            span = spanned(number, found, digits)
            cells.append(f"{number(found.mean, digits)}{span}{seeds}" if found.cases else "–")
        lines.append((row.label, *cells))
    notes = (
        f"Mean over {counted(len(study.cases), 'case')} and its 95 % interval: percentile bootstrap over cases, "
        f"{DRAWS:,} resamples, several seeds of a case averaged first; "
        f"none for fewer than {FEWEST}. ±: standard deviation of the mean over seeds.",
    )
    heads = ("", *(head(study, column) for column in study.shown))
    return Sheet(f"Intervals: {study.data}", heads, tuple(lines), notes)


def spanned(write: Callable[[float, int], str], found: Summary | Paired, digits: int) -> str:
    """The interval after a mean; few cases have none."""
    return f" [{write(found.low, digits)}, {write(found.high, digits)}]" if math.isfinite(found.low) else ""


def tests(study: Study) -> list[Sheet]:
    """One table per column: every row against the reference, paired by case."""
    if study.reference is None:
        return []
    against = next(row.label for row in study.rows if row.name == study.reference)
    labels = {row.name: row.label for row in study.rows}
    sheets = []
    for column in study.shown:
        rows, digits = paired(study, column.metric), study.digits(column.metric)
        lines = tuple(
            (
                labels[name],
                f"{signed(row.mean, digits)}{spanned(signed, row, digits)}",
                f"{row.worse} of {row.cases}",
                probability(row.p),
                probability(row.p_holm),
            )
            for name, row in rows.items()
        )
        heads = ("", f"difference {bracketed(study.units[column.metric])}", "cases higher", "p", "p, Holm")
        notes = (
            "Mean paired difference and its 95 % bootstrap interval over cases; Wilcoxon's signed-rank test, "
            "two-sided; Holm: corrected for the rows of this table.",
        )
        if lines:
            name = column.metric if column.label == column.metric else f"{column.label} [{column.metric}]"
            sheets.append(Sheet(f"{name} against {against}: {study.data}", heads, lines, notes))
    return sheets


def cases(study: Study) -> list[Sheet]:
    """One table per column: one line per case, one column per row of the study."""
    sheets = []
    shown = study.cases[:_LINES]
    names = {case.name for case in shown}
    unsound = {(c.case, c.row) for c in study.cells if c.case in names and c.state is not State.DONE}
    doubtful = {(c.case, c.row) for c in study.cells if c.case in names and c.doubtful} - unsound
    more = f"The first {_LINES} of {len(study.cases)} cases; cells.csv has them all."
    for column in study.shown:
        values = {row.name: study.by_case(row.name, column.metric) for row in study.rows}
        digits = study.digits(column.metric)
        lines = []
        for case in shown:
            marks = {r.name: "*" * ((case.name, r.name) in unsound) + "?" * ((case.name, r.name) in doubtful)
                     for r in study.rows}  # fmt: skip
            cells = (number(values[name].get(case.name), digits) + mark for name, mark in marks.items())
            lines.append((case.name, *cells))
        title = f"Case by case, {head(study, column)}: {study.data}"
        told = {"*": "failed or diverged", "?": "is doubtful or not trusted"}
        notes = tuple(f"{mark}: a cell of it {what}." for mark, what in told.items()
                      if any(t.endswith(mark) for line in lines for t in line[1:]))  # fmt: skip
        notes += (more,) if len(study.cases) > _LINES else ()
        sheets.append(Sheet(title, ("case", *(row.label for row in study.rows)), tuple(lines), notes))
    return sheets


def costs(study: Study) -> Sheet:
    """Seconds and memory of every row."""
    lines = []
    for row in study.rows:
        cells = [cell for cell in study.of(row.name) if cell.seconds]
        if row.name in NOT_SOLVED or not cells:
            continue
        seconds = [sum(cell.seconds.values()) for cell in cells]
        frames = {case.name: case.frames for case in study.cases}
        rate = sum(frames[cell.case] for cell in cells) / max(sum(seconds), 1e-9)
        memory = [cell.memory for cell in cells if cell.memory]
        together = "–".join(map(str, sorted({min(c.together for c in cells), max(c.together for c in cells)})))
        peak = number(max(memory), 0) if memory else "–"
        lines.append((row.label, number(fmean(seconds), 2), number(rate), together, peak))
    heads = ("", "seconds per case", "frames per second", "cases together", "peak MiB of a worker")
    machine = study.facts.get("machine")
    return Sheet(f"Seconds and memory: {study.data}", heads, tuple(lines), (f"On {machine}.",) if machine else ())


def settings(study: Study) -> Sheet:
    """How each recipe differs from the reference."""
    base = next((row.recipe for row in study.rows if row.name == study.reference), None)
    lines = []
    for row in study.rows:
        if row.recipe is None or base is None or row.name == study.reference:
            continue
        changes = [change for change in difference(base, row.recipe) if change[0] != "summary"]
        words = [f"{key} = {new!r} (was {old!r})" for key, old, new in changes[:_KEYS]]
        words += [f"and {len(changes) - _KEYS} more"] * (len(changes) > _KEYS)
        lines.append((row.label, "; ".join(words) or "nothing"))
    return Sheet("Differences between the rows", ("", f"differs from {study.reference} in"), tuple(lines))


def failures(study: Study) -> list[tuple[str, str]]:
    """Cells that failed or diverged, with the reason, grouped by reason."""
    found: dict[tuple[str, str, str], list[int]] = {}
    labels = {row.name: row.label for row in study.rows}
    for cell in study.cells:
        if cell.row not in NOT_SOLVED and cell.state is not State.DONE:
            why = cell.error or {State.DIVERGED: "diverged; its last finite state is scored"}.get(cell.state, "not run")
            found.setdefault((labels[cell.row], cell.case, why), []).append(cell.seed)
    return [(f"{row}, {case}, seed {', '.join(map(str, seeds))}", why) for (row, case, why), seeds in found.items()]


def reasons(study: Study) -> list[str]:
    """Of every cell that failed or diverged."""
    bad = [cell for cell in study.cells if cell.row not in NOT_SOLVED and cell.state is not State.DONE]
    return [cell.reason or cell.error or str(cell.state) for cell in bad]


def doubts(study: Study) -> list[str]:
    """Why cells are doubtful or not trusted, of each."""
    return [cell.reason for cell in study.cells if cell.doubtful]


def few_failures(study: Study) -> list[tuple[str, str]]:
    """The first of :func:`failures`, and how many more there are by reason."""
    every = failures(study)
    more = Counter(why for _, why in every[_LINES:]).most_common(_LINES)
    return [*every[:_LINES], *((f"{count} more", why) for why, count in more)]


def as_data(study: Study) -> dict[str, Any]:
    """The whole report as plain data; nan becomes null, as JSON has no nan."""
    table = {}
    for row in study.rows:
        table[row.name] = {metric: asdict(summary(study, row.name, metric)) for metric in study.metrics}
    against = {metric: {name: asdict(p) for name, p in paired(study, metric).items()} for metric in study.metrics}
    data = {
        "diffopt_report": 1,
        "name": study.name,
        "title": study.title,
        "data": study.data,
        "reference": study.reference,
        "units": {metric: study.units[metric] for metric in study.metrics},
        "columns": [asdict(column) for column in study.columns],
        "rows": [{"name": row.name, "label": row.label, "group": row.group} for row in study.rows],
        "cases": [{k: v for k, v in asdict(case).items() if k != "truth"} for case in study.cases],
        "seeds": study.seeds,
        "means": table,
        "against_reference": against,
        "cells": [_cell(cell) for cell in study.cells],
        "failures": [{"cell": cell, "reason": why} for cell, why in failures(study)],
        "doubtful": [{"reason": why, "cells": count} for why, count in by_reason(doubts(study))],
        "notes": list(study.notes),
        "facts": study.facts,
    }
    return _plain(data)


def cells_csv(study: Study) -> str:
    """A line per cell: its state, scores, seconds by stage, memory."""
    stages = list(dict.fromkeys(name for cell in study.cells for name in cell.seconds))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    heads = ["row", "case", "seed", "state", *study.metrics, *(f"seconds {name}" for name in stages)]
    writer.writerow([*heads, "cases together", "memory MiB", "error", "reason"])
    metrics = study.metrics
    for cell in study.cells:
        values = [_text(cell.values.get(metric)) for metric in metrics]
        seconds = [_text(cell.seconds.get(name)) for name in stages]
        first = [cell.row, cell.case, cell.seed, str(cell.state)]
        writer.writerow([*first, *values, *seconds, cell.together, _text(cell.memory), cell.error or "", cell.reason])
    return out.getvalue()


def sheet_csv(sheet: Sheet) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(sheet.heads)
    writer.writerows(line + ("",) * (len(sheet.heads) - len(line)) for line in sheet.lines)
    return out.getvalue()


def _cell(cell: Cell) -> dict[str, Any]:
    return {**asdict(cell), "state": str(cell.state), "motion": str(cell.motion) if cell.motion else None}


def _text(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:.6g}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
