"""Read a grid's folder as a study. Also works on an unfinished grid."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diffopt_core.common.storage import Folder
from diffopt_core.common.words import counted
from diffopt_core.errors import DiffOptError
from diffopt_core.host.registry import Registry
from diffopt_core.parts.assumed import Ground, of_data
from diffopt_core.parts.assumed import read as read_grounds
from diffopt_core.parts.metrics.evaluate import score_files
from diffopt_core.parts.metrics.report import Build
from diffopt_core.results.index import resumed
from diffopt_core.results.shards import Row as IndexRow
from diffopt_core.results.shards import run_files

from ..study.from_folders import MOTION, frames_in, marked_units, reason_in
from ..study.model import INITIAL, Case, Cell, Column, Row, State, Study
from ..study.model import TRUTH as TRUE
from ..study.pictures import MOST, evenly
from .plan import CELLS, TRUTH, Key, Plan, PlannedCase
from .planning import keep_truth


def collect(plan: Plan, out: Path, registry: Registry) -> Study:
    """Every cell by the index and the run files of the results, the initial placement as a row, and the results of
    other systems."""
    cells = _Cells(plan, Folder(str(out / CELLS)))
    rows = [Row(row.name, row.label, row.group, row.recipe) for row in plan.rows]
    notes = list(plan.notes)
    every = list(cells.solved)
    for name, folder in reversed(plan.systems.items()):
        found, extra = _system(name, Path(folder), plan, out, registry)
        every += found
        rows.insert(0, Row(name, name, "Other systems"))
        if extra:
            some = ", ".join(extra[:4]) + (" ..." if len(extra) > 4 else "")
            notes.append(f"{name}: {counted(len(extra), 'result')} without a case, omitted: {some}.")
    if plan.initial:
        every = cells.initial + every
        rows.insert(0, Row(INITIAL, "Initial placement"))
    if cells.truth:
        every += cells.truth
        rows.append(Row(TRUE, "Truth"))
    drawn = {case.name for case in evenly([case for case in plan.cases if case.name in cells.known], MOST)}
    build = registry.context().build
    return Study(
        name=plan.name,
        title=plan.title,
        data=plan.data,
        rows=tuple(rows),
        cases=tuple(_case(case, cells, plan, out, registry, case.name in drawn) for case in plan.cases),
        cells=tuple(every),
        columns=tuple(Column(label, metric) for label, metric in plan.columns.items()),
        units=marked_units({name: build("metric", name, {}).unit for name in plan.metrics}, cells.grounds.values()),
        reference=plan.reference,
        layout=plan.layout,
        notes=tuple(notes),
        facts=cells.facts,
        pooling=plan.pooling,
    )


def _case(case: PlannedCase, cells: _Cells, plan: Plan, out: Path, registry: Registry, drawn: bool) -> Case:
    """``drawn``: with its truth as a file, for the plots."""
    sequence, frames, fps = cells.known.get(case.name, ("", 0, 0.0))
    truth = out / TRUTH / f"{case.name}.npz" if drawn else None
    if truth is not None:
        keep_truth(case, plan, registry, truth)
    return Case(case.name, sequence or case.name, frames, fps, truth)


@dataclass
class _Cells:
    """The cells of a plan. ``known``: case -> sequence, frames and rate, by its first result."""

    plan: Plan
    folder: Folder
    solved: list[Cell] = field(default_factory=list)
    initial: list[Cell] = field(default_factory=list)
    truth: list[Cell] = field(default_factory=list)
    known: dict[str, tuple[str, int, float]] = field(default_factory=dict)
    grounds: dict[str, tuple[Ground, ...]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        index = {row["key"]: row for row in resumed(self.folder)}
        # A result whose line was lost is still there.
        rows = {key: index.get(key.text) or _unknown(key) for key in self.plan.grid()}
        reference = {key.text for key in rows if key.row.name == self.plan.reference}
        made = {}
        for row, run in run_files(self.folder, (row for row in rows.values() if row["state"] != State.FAILED)):
            try:
                made[row["key"]] = _Made.of(run, row["key"] in reference)
                self.facts = self.facts or _facts(run["provenance"])
                self.grounds.setdefault(str(assumed := run.get("assumed")), of_data(read_grounds(assumed)))
            except (KeyError, TypeError, ValueError) as error:
                row |= {"state": str(State.FAILED), "error": f"its run file cannot be used: {error!r}"}
        for key, row in rows.items():
            self._add(key, row, made.get(key.text))

    def _add(self, key: Key, row: IndexRow, made: _Made | None) -> None:
        case, seed = key.case.name, key.seed
        if made is None:
            state, error = State.OPEN, None
            if row["state"] == State.FAILED:
                state, error = State.FAILED, row["error"]
            self.solved.append(Cell(key.row.name, case, seed, state, error=error, reason=row["reason"]))
            return
        where = f"{row['shard']}#{key.text}" if row["shard"] else f"{key.text}/{MOTION}"
        self.solved.append(
            Cell(key.row.name, case, seed, made.state, made.final, made.seconds, made.together, made.memory,
                 reason=made.reason, motion=Path(self.folder.file(where)))
        )  # fmt: skip
        if case not in self.known:
            sequence, frames, fps = made.clip
            self.known[case] = sequence, frames or frames_in(self.solved[-1].motion), fps
        self.initial += [Cell(INITIAL, case, seed, State.DONE, made.initial)] if made.initial else []
        self.truth += [Cell(TRUE, case, seed, State.DONE, made.truth)] if made.truth else []


def _unknown(key: Key) -> IndexRow:
    return {"key": key.text, "state": str(State.OPEN), "reason": "", "shard": "", "offset": ""}


@dataclass(frozen=True)
class _Made:
    """What a report needs of a run file. ``clip``: sequence, frames and rate. ``initial``, ``truth``: scores that are
    those of every row, for the reference's cells only."""

    state: State
    clip: tuple[str, int, float]
    final: dict[str, float]
    initial: dict[str, float]
    truth: dict[str, float]
    seconds: dict[str, float]
    together: int
    memory: float | None
    reason: str

    @classmethod
    def of(cls, run: Mapping[str, Any], reference: bool) -> _Made:
        made, scores = run["provenance"], run["metrics"]
        memory, together = made.get("memory", {}), len(made["batch"])
        final, initial, truth = (_named(scores.get(name, {})) for name in ("final", "initial", "truth"))
        return cls(
            State.DIVERGED if run["status"] == "diverged" else State.DONE,
            (str(run.get("sequence", "")), int(run.get("frames", 0)), float(run["fps"])),  # older ones lack both
            final, initial if reference else {}, truth if reference else {},
            {name: seconds / together for name, seconds in _named(made["seconds"]).items()}, together,
            memory.get("device_mib") or memory.get("host_mib"), reason_in(run),
        )  # fmt: skip


def _named(values: Mapping[str, float]) -> dict[str, float]:
    """With names that many cells share."""
    return {sys.intern(name): value for name, value in values.items()}


def _facts(made: Mapping[str, Any]) -> dict[str, Any]:
    """Versions, machine and terms of use."""
    device = made["device"] if made["device_type"] == "cuda" else f"CPU, {counted(made['threads'], 'thread')} a worker"
    machine = f"{device}; {made['platform']}, Python {made['python']}"
    return {"machine": machine, "versions": made["versions"], "licences": made["licences"]}


def _system(name: str, folder: Path, plan: Plan, out: Path, registry: Registry) -> tuple[list[Cell], list[str]]:
    """Cells of another system's results, ``FOLDER/<case>/motion.npz`` or ``FOLDER/<case>.npz``, and notes on results
    that match no case."""
    cells, seen = [], set()
    build = registry.context().build
    for case in plan.cases:
        options = (folder / case.name / MOTION, folder / f"{case.name}.npz")
        path = next((p for p in options if p.is_file()), None)
        if path is None:
            said = f"{folder}: no result for this case; expected {case.name}/{MOTION} or {case.name}.npz"
            cells.append(Cell(name, case.name, plan.seeds[0], State.FAILED, error=said))
            continue
        seen.add(path)
        true = out / TRUTH / f"{case.name}.npz"
        keep_truth(case, plan, registry, true)
        cells.append(_scored(name, case, path, true, plan, build))
    every = {p for p in (*folder.glob(f"*/{MOTION}"), *folder.glob("*.npz"))}
    return cells, sorted(str(path.relative_to(folder)) for path in every - seen)


def _scored(name: str, case: PlannedCase, path: Path, true: Path, plan: Plan, build: Build) -> Cell:
    seed = plan.seeds[0]
    try:
        report = score_files(path, true, plan.metrics, build)
    except DiffOptError as error:
        return Cell(name, case.name, seed, State.FAILED, error=str(error))
    return Cell(name, case.name, seed, State.DONE, report.values, motion=path)
