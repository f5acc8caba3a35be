"""``diffopt eval``: score results against ground truth under named protocols."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from diffopt_core.common.console import grid, note, out
from diffopt_core.common.options import Plugins
from diffopt_core.common.output import answer
from diffopt_core.errors import BadInput
from diffopt_core.host import completion

from .sheets import Protocol

if TYPE_CHECKING:
    from ..study import Study

NAME = "eval"
PANEL = "Evaluate"
_METRICS = typer.Option(
    "--metric", "-m", help="Metric by name, repeatable; default: the ten standard ones.",
    autocompletion=completion.component("metric"),
)  # fmt: skip


def command(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULT", help="Results, or folders of results (one row each).")
    ],
    truth: Annotated[
        Path | None,
        typer.Option(
            help="Ground-truth file, or a folder with <clip>.npz, [dim]default: truth/<clip>.npz beside each input[/]."
        ),
    ] = None,
    metrics: Annotated[list[str] | None, _METRICS] = None,
    protocol_name: Protocol = None,
    report: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for a report (for folders of results).")
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Score only the cases that both results and ground truth have.")
    ] = False,
    plugins: Plugins = None,
) -> int:
    """Score results. `diffopt show metric` explains every metric; each has an explicit alignment.

    Folders of results are compared, with confidence intervals over cases and the difference to the first.

    Example: diffopt eval runs/demo (after diffopt demo)
    """
    from diffopt_core.host.registry import Registry
    from diffopt_core.parts.metrics import DEFAULT
    from diffopt_core.parts.metrics.evaluate import score_files, score_truth
    from diffopt_core.parts.metrics.report import aggregate
    from diffopt_core.results.saved.result import grounds_beside
    from diffopt_core.results.shards import on_disk

    from ..study.protocols import protocol

    registry = Registry.load(plugins or ())
    if protocol_name and metrics:
        raise BadInput("--protocol", "--metric", "a protocol defines its metrics; give only one of the two flags")
    chosen = protocol(protocol_name) if protocol_name else None
    names = tuple(chosen.columns.values()) if chosen else tuple(metrics or DEFAULT)
    for name in names:
        registry.component("metric", name)
    ctx = registry.context()
    from ..study.from_folders import MOTION, is_set, marked_units, study_of_folders

    sets = [is_set(result) for result in results]
    if all(sets):
        columns = chosen.columns if chosen else {name: name for name in names}
        study = study_of_folders(results, truth, columns, ctx.build, partial, chosen.pooling if chosen else "clips")
        return _side_by_side(study, report)
    if any(sets):
        raise BadInput(results[sets.index(False)], "RESULT", "is a single result, while others are folders of results")
    if report is not None or partial:
        raise BadInput("--out" if report else "--partial", "RESULT", "works only with folders of results")
    there = [on_disk(result) for result in results]
    pairs = [(_motion(result), _truth(result, truth)) for result in there]
    labels = _labels(there, results)
    reports = {label: score_files(*pair, names, ctx.build) for label, pair in zip(labels, pairs, strict=True)}
    true = [score_truth(*pair, names, ctx.build) for pair in pairs]
    means = aggregate(reports.values())
    rests = [grounds_beside(motion) for motion, _ in pairs if motion.name == MOTION]
    units = marked_units(next(iter(reports.values())).units, rests)
    own = {name: mean.clip_mean for name, mean in aggregate(true).items()}
    answer(_as_data(reports, means, units) | {"truth": own})
    heads = ("mean of clips", "mean of frames") if len(reports) > 1 else ()
    table = grid("metric", "unit", *reports, *heads, "truth")
    for column in table.columns[2:]:
        column.justify = "right"
    for name in names:
        cells = [_number(report.values[name]) for report in reports.values()]
        if len(reports) > 1:
            cells += [_number(means[name].clip_mean), _number(means[name].frame_mean)]
        table.add_row(name, units[name], *cells, _number(own[name]))
    out.print(table, highlight=False)
    for clip, scores in reports.items():
        for name, why in scores.missing.items():
            note(f"{clip}: {name}: {why}")
    return 0


def _side_by_side(study: Study, out_: Path | None) -> int:
    """One row per folder; returns 1 if a result could not be scored or had diverged."""
    from ..study import write_report
    from ..study.data import as_data, intervals
    from ..study.layouts import main
    from .sheets import print_failures, print_sheet

    if not any(cell.values for cell in study.cells):
        answer(as_data(study))
        return print_failures(study)
    if out_ is not None:
        write_report(study, out_)
        note(f"the report is in {out_}")
    answer(as_data(study))
    for sheet in (*main(study), intervals(study)):
        print_sheet(sheet)
    return print_failures(study)


def _motion(result: Path) -> Path:
    from diffopt_core.results.saved.result import motion_in, run_beside

    path = motion_in(result) if result.is_dir() else result
    if not path.is_file():
        raise BadInput(result, "RESULT", "does not exist; expected a folder written by `diffopt run`")
    if path.name == "motion.npz":
        run_beside(path.parent / "run.json")
    return path


def _clip(result: Path) -> str:
    """The clip's name from run.json, else from the folder or file name."""
    folder = result.parent if result.is_file() else result
    try:
        return str(json.loads((folder / "run.json").read_text())["clip"])
    except (OSError, ValueError, KeyError, TypeError):
        return result.stem if result.is_file() and result.name != "motion.npz" else folder.absolute().name


def _labels(there: Sequence[Path], results: Sequence[Path]) -> list[str]:
    """The clips' names; those of the results' folders if two results are of one clip. ``there``: their files."""
    from ..study.from_folders import short_names

    clips = [_clip(result) for result in there]
    if len(set(clips)) == len(clips):
        return clips
    return short_names([result.parent if result.name == "motion.npz" else result for result in results])


def _truth(result: Path, truth: Path | None) -> Path:
    if truth is None:
        from ..study.from_folders import own_truth

        return own_truth(_motion(result))
    if not truth.exists():
        raise BadInput(truth, "--truth", "does not exist")
    if truth.is_file():
        return truth
    for path in (truth / f"{_clip(result)}.npz", truth / "truth" / f"{_clip(result)}.npz"):
        if path.is_file():
            return path
    raise BadInput(truth, "--truth", f"contains no {_clip(result)}.npz (the clip of {result})")


def _number(value: float) -> str:
    return "–" if not math.isfinite(value) else f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"


def _as_data(reports: dict[str, Any], means: dict[str, Any], units: dict[str, str]) -> dict[str, Any]:
    return {
        "units": units,
        "clips": {clip: report.values for clip, report in reports.items()},
        "missing": {clip: report.missing for clip, report in reports.items() if report.missing},
        "mean_of_clips": {name: mean.clip_mean for name, mean in means.items()},
        "mean_of_frames": {name: mean.frame_mean for name, mean in means.items()},
    }
