"""Data model of a report. Rows are compared (recipes, other systems); cases are the clips they are run on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

#: Name of the row for the initial placement, before optimisation.
INITIAL = "initial placement"
#: The row of the ground truth itself: 0 for errors, and the true motion's value for other metrics.
TRUTH = "truth"
#: Rows without a solve.
NOT_SOLVED = frozenset({INITIAL, TRUTH})
#: How clips are averaged: equal weights, or weighted by length.
Pooling = Literal["clips", "frames"]
Layout = Literal["differences", "sequences", "runtime", "pairs"]


class State(StrEnum):
    """State of a cell. ``DIVERGED``: the scores are those of its last finite state."""

    DONE = "done"
    DIVERGED = "diverged"
    FAILED = "failed"
    OPEN = "open"


@dataclass(frozen=True)
class Row:
    """``recipe``: as resolved; None for another system's results and for the initial placement."""

    name: str
    label: str
    group: str = ""
    recipe: dict[str, Any] | None = None


@dataclass(frozen=True)
class Case:
    """``sequence``: the sequence of the case; cases of one sequence share a column if columns are sequences."""

    name: str
    sequence: str
    frames: int
    fps: float
    truth: Path | None = None  # a file with ``joints``, for the plots


@dataclass(frozen=True)
class Column:
    """``label``: column label, as in the paper; ``metric``: name of the metric."""

    label: str
    metric: str


@dataclass(frozen=True)
class Cell:
    """One row on one case by one seed. ``values``: metric -> value, nan if missing.

    ``seconds``: by stage, this case's share of its batch of ``together`` cases; ``memory``: MiB, peak of the process.
    ``error``: a line that names the case; ``reason``: the same for all that fail alike, or why a result is doubtful or
    not trusted.
    """

    row: str
    case: str
    seed: int
    state: State
    values: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    together: int = 1
    memory: float | None = None
    error: str | None = None
    reason: str = ""
    motion: Path | None = None

    @property
    def scored(self) -> bool:
        return self.state in (State.DONE, State.DIVERGED)

    @property
    def doubtful(self) -> bool:
        """Scored, but doubtful or not trusted."""
        return self.state is State.DONE and bool(self.reason)


@dataclass(frozen=True)
class Study:
    """All data of a report. ``data``: description of the cases, for titles. ``reference``: the row that others are
    compared with."""

    name: str
    title: str
    data: str
    rows: tuple[Row, ...]
    cases: tuple[Case, ...]
    cells: tuple[Cell, ...]
    columns: tuple[Column, ...]
    units: dict[str, str]
    reference: str | None
    layout: Layout = "differences"
    notes: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    pooling: Pooling = "clips"

    @cached_property
    def _by_row(self) -> dict[str, list[Cell]]:
        table: dict[str, list[Cell]] = {row.name: [] for row in self.rows}
        for cell in self.cells:
            table[cell.row].append(cell)
        return table

    @cached_property
    def seeds(self) -> list[int]:
        return sorted({cell.seed for cell in self.cells})

    @cached_property
    def metrics(self) -> list[str]:
        """Metrics that have a value anywhere, in the order of the unit table."""
        known = {name for cell in self.cells for name, value in cell.values.items() if math.isfinite(value)}
        return [name for name in self.units if name in known]

    @cached_property
    def shown(self) -> list[Column]:
        """Columns whose metric has a value anywhere."""
        known = set(self.metrics)
        return [column for column in self.columns if column.metric in known]

    def of(self, row: str) -> list[Cell]:
        return self._by_row[row]

    @cached_property
    def _means(self) -> dict[tuple[str, str], dict[str, float]]:
        return {}

    def by_case(self, row: str, metric: str) -> dict[str, float]:
        """Case -> mean over seeds; cases without a value are omitted."""
        if (row, metric) not in self._means:
            self._means[row, metric] = self._by_case(row, metric)
        return self._means[row, metric]

    def _by_case(self, row: str, metric: str) -> dict[str, float]:
        found: dict[str, list[float]] = {}
        for cell in self.of(row):
            value = cell.values.get(metric, math.nan)
            if cell.scored and math.isfinite(value):
                found.setdefault(cell.case, []).append(value)
        return {case.name: fmean(found[case.name]) for case in self.cases if case.name in found}

    def pooled(self, values: dict[str, float]) -> float:
        """Mean of case -> value by the study's pooling; nan of nothing."""
        if self.pooling == "clips":
            return fmean(values.values()) if values else math.nan
        weights = {case.name: case.frames for case in self.cases}
        total = sum(weights[case] for case in values)
        return sum(weights[case] * value for case, value in values.items()) / total if total else math.nan

    def digits(self, metric: str) -> int:
        """Number of decimals: three for a metric with small values (a ratio), else one."""
        values = [abs(cell.values.get(metric, math.nan)) for cell in self.cells]
        return 3 if max((value for value in values if math.isfinite(value)), default=0.0) < 2 else 1

    def by_seed(self, row: str, metric: str) -> list[float]:
        """Mean over cases per seed, for seeds with all cases of the row: the variation due to the seed."""
        cases = len(self.by_case(row, metric))
        out = []
        for seed in self.seeds:
            values = [c.values.get(metric, math.nan) for c in self.of(row) if c.seed == seed and c.scored]
            values = [value for value in values if math.isfinite(value)]
            if values and len(values) == cases:
                out.append(fmean(values))
        return out
