"""The same numbers for machines: one JSON, one CSV line a cell, and the main table's CSV."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import asdict
from typing import Any

from .details import failures
from .model import Cell, Study
from .sheet import Sheet
from .stats import paired, summary


def as_data(study: Study) -> dict[str, Any]:
    """Everything of the report as plain data; nan, which is no JSON, becomes null."""
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
        "notes": list(study.notes),
        "facts": study.facts,
    }
    return _plain(data)


def cells_csv(study: Study) -> str:
    """A line a cell: where it stands, its scores, seconds by stage, memory."""
    stages = list(dict.fromkeys(name for cell in study.cells for name in cell.seconds))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    heads = ["row", "case", "seed", "state", *study.metrics, *(f"seconds {name}" for name in stages)]
    writer.writerow([*heads, "cases together", "memory MiB", "error"])
    for cell in study.cells:
        values = [_text(cell.values.get(metric)) for metric in study.metrics]
        seconds = [_text(cell.seconds.get(name)) for name in stages]
        first = [cell.row, cell.case, cell.seed, str(cell.state)]
        writer.writerow([*first, *values, *seconds, cell.together, _text(cell.memory), cell.error or ""])
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
