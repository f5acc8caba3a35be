"""Read a grid's folder as a study. Also works on an unfinished grid."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffopt_core.common.words import counted
from diffopt_core.errors import DiffOptError
from diffopt_core.host.registry import Registry
from diffopt_core.parts.metrics.evaluate import score_files
from diffopt_core.parts.metrics.report import Build

from ..study.from_folders import marked_units
from ..study.model import INITIAL, Case, Cell, Column, Row, State, Study
from ..study.model import TRUTH as TRUE
from .known import KnownCells
from .plan import TRUTH, Key, Plan, PlannedCase, cell_folder
from .work import MOTION, Status


def collect(plan: Plan, out: Path, registry: Registry) -> Study:
    """Every cell's status file, the initial placement as a row, and the results of other systems."""
    build = registry.context().build
    statuses = KnownCells(out)
    made = {key: _Kept(key, out, _status(key, statuses)) for key in plan.grid()}
    statuses.write()
    cells = [kept.cell for kept in made.values()]
    rows = [Row(row.name, row.label, row.group, row.recipe) for row in plan.rows]
    notes = list(plan.notes)
    for name, folder in reversed(plan.systems.items()):
        found, extra = _system(name, Path(folder), plan, out, build)
        cells += found
        rows.insert(0, Row(name, name, "Other systems"))
        if extra:
            some = ", ".join(extra[:4]) + (" ..." if len(extra) > 4 else "")
            notes.append(f"{name}: {counted(len(extra), 'result')} without a case, omitted: {some}.")
    if plan.initial:
        first = [kept.initial for key, kept in made.items() if key.row.name == plan.reference]
        cells = [cell for cell in first if cell] + cells
        rows.insert(0, Row(INITIAL, "Initial placement"))
    true = [kept.truth for key, kept in made.items() if key.row.name == plan.reference]
    if known := [cell for cell in true if cell]:
        cells += known
        rows.append(Row(TRUE, "Truth"))
    units = {name: build("metric", name, {}).unit for name in plan.metrics}
    units = marked_units(units, [kept.cell.motion for kept in made.values() if kept.cell.motion])
    return Study(
        name=plan.name,
        title=plan.title,
        data=plan.data,
        rows=tuple(rows),
        cases=tuple(Case(c.name, c.sequence, c.frames, c.fps, out / TRUTH / f"{c.name}.npz") for c in plan.cases),
        cells=tuple(cells),
        columns=tuple(Column(label, metric) for label, metric in plan.columns.items()),
        units=units,
        reference=plan.reference,
        layout=plan.layout,
        notes=tuple(notes),
        facts=_facts(made.values()),
        pooling=plan.pooling,
    )


def _status(key: Key, known: KnownCells) -> Status:
    if key.case.error is not None:
        return Status(State.FAILED, error=key.case.error)
    return known.get(key) or Status(State.OPEN)


@dataclass(frozen=True)
class _Kept:
    """A planned cell and its files on disk."""

    key: Key
    out: Path
    status: Status

    @property
    def cell(self) -> Cell:
        status, name = self.status, self.key.case.name
        share = {stage: seconds / status.together for stage, seconds in status.seconds.items()}
        scored = status.state in (State.DONE, State.DIVERGED)
        return Cell(
            self.key.row.name, name, self.key.seed, status.state, _numbers(status.final), share, status.together,
            status.memory, status.error, cell_folder(self.out, self.key) / MOTION if scored else None,
        )  # fmt: skip

    @property
    def initial(self) -> Cell | None:
        if not self.status.initial:
            return None
        return Cell(INITIAL, self.key.case.name, self.key.seed, State.DONE, _numbers(self.status.initial))

    @property
    def truth(self) -> Cell | None:
        if not self.status.truth:
            return None
        return Cell(TRUE, self.key.case.name, self.key.seed, State.DONE, _numbers(self.status.truth))


def _numbers(values: dict[str, float | None]) -> dict[str, float]:
    return {name: math.nan if value is None else value for name, value in values.items()}


def _system(name: str, folder: Path, plan: Plan, out: Path, build: Build) -> tuple[list[Cell], list[str]]:
    """Cells of another system's results, ``FOLDER/<case>/motion.npz`` or ``FOLDER/<case>.npz``, and notes on results
    that match no case."""
    cells, seen = [], set()
    for case in plan.cases:
        options = (folder / case.name / MOTION, folder / f"{case.name}.npz")
        path = next((p for p in options if p.is_file()), None)
        if path is None:
            said = f"{folder}: no result for this case; expected {case.name}/{MOTION} or {case.name}.npz"
            cells.append(Cell(name, case.name, plan.seeds[0], State.FAILED, error=said))
            continue
        seen.add(path)
        cells.append(_scored(name, case, path, plan, out, build))
    every = {p for p in (*folder.glob(f"*/{MOTION}"), *folder.glob("*.npz"))}
    return cells, sorted(str(path.relative_to(folder)) for path in every - seen)


def _scored(name: str, case: PlannedCase, path: Path, plan: Plan, out: Path, build: Build) -> Cell:
    seed = plan.seeds[0]
    try:
        if case.error is not None:
            raise DiffOptError(case.error)
        report = score_files(path, out / TRUTH / f"{case.name}.npz", plan.metrics, build)
    except DiffOptError as error:
        return Cell(name, case.name, seed, State.FAILED, error=str(error))
    return Cell(name, case.name, seed, State.DONE, report.values, motion=path)


def _facts(made: Any) -> dict[str, Any]:
    """Versions, machine and terms of use, from the first result that has them."""
    for kept in made:
        try:
            run = json.loads((cell_folder(kept.out, kept.key) / "run.json").read_text())["provenance"]
            device = (
                run["device"] if run["device_type"] == "cuda" else f"CPU, {counted(run['threads'], 'thread')} a worker"
            )
            return {
                "machine": f"{device}; {run['platform']}, Python {run['python']}",
                "versions": run["versions"],
                "licences": run["licences"],
            }
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return {}
