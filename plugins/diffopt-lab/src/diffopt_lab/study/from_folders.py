"""Folders of results and a folder of ground truth as a study: one row per folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.common.storage import address_of, is_address
from diffopt_core.common.words import counted
from diffopt_core.errors import BadInput, DiffOptError
from diffopt_core.parts.assumed import Ground, marked_by
from diffopt_core.parts.metrics import OF_ITSELF
from diffopt_core.parts.metrics.evaluate import score_files, score_truth
from diffopt_core.parts.metrics.report import Build, metrics_named
from diffopt_core.results.saved.result import grounds_beside, run_beside
from diffopt_core.results.saved.truth import truth_file
from diffopt_core.results.shards import unpacked

from .model import TRUTH, Case, Cell, Column, Pooling, Row, State, Study

MOTION = "motion.npz"


def is_set(path: Path) -> bool:
    """Whether a folder contains results, rather than being one result."""
    there = path.is_dir() or is_address(address_of(path))
    return there and not (path / MOTION).is_file() and bool(_results(path))


def study_of_folders(
    folders: Sequence[Path],
    truth: Path | None,
    columns: Mapping[str, str],
    build: Build,
    partial: bool = False,
    pooling: Pooling = "clips",
) -> Study:
    """Score every result ``FOLDER/<case>/motion.npz`` (or ``FOLDER/<case>.npz``) against ``truth/<case>.npz``, by
    default that beside each result's own input.

    ``columns``: label -> metric; ``pooling``: of clips in the table's means.

    Raises BadInput if the cases of a folder and of the ground truth differ, unless ``partial`` (the others are then
    omitted with a note). A result that cannot be scored is a failed cell with its reason.
    """
    metrics = tuple(dict.fromkeys(columns.values()))
    found = [_results(folder) for folder in folders]
    truths = _own_truths(found, partial) if truth is None else _truths(truth)
    said = "the inputs' folders" if truth is None else str(truth)
    names = short_names(folders)
    cells: list[Cell] = []
    notes: list[str] = []
    for name, folder, results in zip(names, folders, found, strict=True):
        notes += _compare(folder, set(results), said, set(truths), partial)
        for case, path in truths.items():
            if case in results:
                cells.append(_cell(name, case, results[case], path, metrics, build))
    seen = {cell.case for cell in cells}
    if not seen:
        raise BadInput(folders[0], "cases", f"none of its results has ground truth in {said}")
    cells += _true_cells(cells, truths, metrics, build)
    units = {name: metric.unit for name, metric in metrics_named(metrics, build).items()}
    motions = [cell.motion for cell in cells if cell.motion and cell.motion.name == MOTION]
    units = marked_units(units, map(grounds_beside, motions))
    return Study(
        name="evaluation",
        title="Evaluation",
        data=f"{counted(len(seen), 'case')} of {truth.absolute().name if truth else folders[0].absolute().name}",
        rows=(*(Row(name, name) for name in names), Row(TRUTH, "Truth")),
        cases=tuple(Case(case, case, frames_in(path), 0.0, path) for case, path in truths.items() if case in seen),
        cells=tuple(cells),
        columns=tuple(Column(label, metric) for label, metric in columns.items()),
        units=units,
        reference=names[0] if len(names) > 1 else None,
        notes=tuple(notes),
        pooling=pooling,
    )


def _results(folder: Path) -> dict[str, Path]:
    """Case -> motion file, from result folders, shards or plain files."""
    if (home := unpacked(folder)) is not None:
        return {path.parent.name: path for path in sorted(home.glob(f"*/{MOTION}"))}
    found = {path.stem: path for path in sorted(folder.glob("*.npz"))}
    for path in sorted(folder.glob(f"*/{MOTION}")):
        found[path.parent.name] = path
    return found


def own_truth(motion: Path) -> Path:
    """The truth beside the input of a result. Raises BadInput saying what to give."""
    return truth_file(motion.parent, run_beside(motion.parent / "run.json"))


def _own_truths(found: Sequence[Mapping[str, Path]], partial: bool) -> dict[str, Path]:
    """Of all cases of these results; with ``partial``, of those that have one."""
    truths = dict[str, Path]()
    for case, motion in sorted((case, motion) for results in found for case, motion in results.items()):
        try:
            truths[case] = own_truth(motion)
        except BadInput as error:
            if case not in truths and not partial:
                more = f"{error.problem}; --partial scores the cases that have one"
                raise BadInput(motion.parent, error.key, more) from error
    return truths


def _truths(truth: Path) -> dict[str, Path]:
    if not truth.is_dir():
        raise BadInput(truth, "--truth", "is not a folder; for a folder of results, give a folder with <case>.npz")
    inner = truth / "truth"
    found = {path.stem: path for path in sorted((inner if inner.is_dir() else truth).glob("*.npz"))}
    if not found:
        raise BadInput(truth, "--truth", "contains no ground truth (<case>.npz)")
    return found


def marked_units(units: Mapping[str, str], grounds: Iterable[tuple[Ground, ...]]) -> dict[str, str]:
    """Units by metric, marked for a metric of the motion alone if any result guesses what it depends on. ``grounds``:
    of each result."""
    rests = list(grounds)
    marks = {name: [marked_by(unit, rows) for rows in rests] for name, unit in units.items() if name in OF_ITSELF}
    return {name: max((unit, *marks.get(name, ())), key=len) for name, unit in units.items()}


def short_names(folders: Sequence[Path]) -> list[str]:
    """Folder names, with parent folders where two are equal."""
    for parts in (1, 2, 3):
        names = ["/".join(folder.absolute().parts[-parts:]) for folder in folders]
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]


def _compare(folder: Path, have: set[str], truth: str, want: set[str], partial: bool) -> list[str]:
    missing, extra = sorted(want - have), sorted(have - want)
    problems = []
    if missing:
        problems.append(f"lacks {_some(missing)}, for which {truth} has ground truth")
    if extra:
        problems.append(f"contains {_some(extra)}, for which {truth} has no ground truth")
    if problems and not partial:
        raise BadInput(folder, "cases", f"{'; it '.join(problems)} (--partial scores the common cases)")
    return [f"{folder}: {problem}; omitted." for problem in problems]


def _some(names: Sequence[str]) -> str:
    few = ", ".join(names[:4])
    return f"{len(names)} cases ({few}{' ...' if len(names) > 4 else ''})" if len(names) > 1 else few


def _cell(row: str, case: str, result: Path, truth: Path, metrics: Sequence[str], build: Build) -> Cell:
    seconds, together, memory, state, reason = _made(result.parent / "run.json")
    try:
        run_beside(result.parent / "run.json")
        report = score_files(result, truth, metrics, build)
    except DiffOptError as error:
        return Cell(row, case, 0, State.FAILED, error=str(error))
    return Cell(row, case, 0, state, report.values, seconds, together, memory, reason=reason, motion=result)


def _true_cells(cells: Sequence[Cell], truths: Mapping[str, Path], metrics: Sequence[str], build: Build) -> list[Cell]:
    """Ground truth of every case with a scored result, at that result's frame rate."""
    motions = {cell.case: cell.motion for cell in reversed(cells) if cell.motion}
    return [
        Cell(TRUTH, case, 0, State.DONE, score_truth(motion, truths[case], metrics, build).values)
        for case, motion in motions.items()
    ]


def _made(run: Path) -> tuple[dict[str, float], int, float | None, State, str]:
    """Seconds, batch size, memory, state and reason from a result's run.json; empty values without one."""
    try:
        saved = json.loads(run.read_text())
        made = saved["provenance"]
        together = len(made["batch"])
        seconds = {stage: value / together for stage, value in made["seconds"].items()}
        state = State.DIVERGED if saved["status"] == "diverged" else State.DONE
        return seconds, together, made.get("memory", {}).get("host_mib"), state, reason_in(saved)
    except (OSError, ValueError, KeyError, TypeError):
        return {}, 1, None, State.DONE, ""


def reason_in(run: Mapping[str, Any]) -> str:
    """Why a result is doubtful, diverged or not trusted, by its run file; empty for others, and in older ones."""
    reason = str(run.get("reason", ""))
    return f"doubtful: {reason}" if run["status"] == "doubtful" else reason


def frames_in(file: Path | None) -> int:
    """Of a motion or a truth; 0 if it cannot be read."""
    try:
        with np.load(str(file), allow_pickle=False) as arrays:
            return len(arrays["joints"])
    except (OSError, ValueError, KeyError, EOFError, TypeError):
        return 0
