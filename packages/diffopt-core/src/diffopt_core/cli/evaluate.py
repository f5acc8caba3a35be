"""``diffopt eval``: score results against truth under named protocols."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import BadInput
from .console import grid, note, out

NAME = "eval"
PANEL = "Evaluate"


def command(
    results: Annotated[list[Path], typer.Argument(metavar="RESULT", help="Result folders or motion.npz files.")],
    truth: Annotated[Path, typer.Option("--truth", help="Truth file, or a folder that holds <clip>.npz.")],
    metrics: Annotated[
        list[str] | None, typer.Option("--metric", "-m", help="Protocol by name, repeatable; default: the usual ten.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    plugins: Annotated[
        list[str] | None, typer.Option("--plugin", "-p", metavar="FILE.py|MODULE|no:NAME", help="Load or block one.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> int:
    """Score results. `diffopt show metric` explains every protocol; none is a bare "G-MPJPE"."""
    from ..evaluate import aggregate, score_files
    from ..interfaces import BuildContext
    from ..metrics import DEFAULT
    from ..provenance import device
    from ..registry import Registry

    registry = Registry.load(plugins or ())
    names = tuple(metrics or DEFAULT)
    for name in names:
        registry.component("metric", name)
    ctx = BuildContext(device("cpu"), 0, lambda kind, name, options: registry.build(kind, name, options, ctx))
    reports = {}
    for result in results:
        reports[_clip(result)] = score_files(_motion(result), _truth(result, truth), names, ctx.build)
    means = aggregate(reports.values())
    units = next(iter(reports.values())).units
    if as_json:
        typer.echo(json.dumps(_as_data(reports, means, units), indent=1))
        return 0
    table = grid("metric", "unit", *reports, *(("mean of clips", "mean of frames") if len(reports) > 1 else ()))
    for column in table.columns[2:]:
        column.justify = "right"
    for name in names:
        cells = [_number(report.values[name]) for report in reports.values()]
        if len(reports) > 1:
            cells += [_number(means[name].clip_mean), _number(means[name].frame_mean)]
        table.add_row(name, units[name], *cells)
    out.print(table, highlight=False)
    for clip, report in reports.items():
        for name, why in report.missing.items():
            note(f"{clip}: {name}: {why}")
    return 0


def _motion(result: Path) -> Path:
    path = result / "motion.npz" if result.is_dir() else result
    if not path.is_file():
        raise BadInput(result, "motion.npz", "no result here; expected the folder that `diffopt run` wrote")
    return path


def _clip(result: Path) -> str:
    """The clip's name: what run.json says, else the folder's or the file's own."""
    folder = result if result.is_dir() else result.parent
    try:
        return str(json.loads((folder / "run.json").read_text())["clip"])
    except (OSError, ValueError, KeyError, TypeError):
        return result.name if result.is_dir() else result.stem


def _truth(result: Path, truth: Path) -> Path:
    if not truth.exists():
        raise BadInput(truth, "--truth", "does not exist")
    if truth.is_file():
        return truth
    for path in (truth / f"{_clip(result)}.npz", truth / "truth" / f"{_clip(result)}.npz"):
        if path.is_file():
            return path
    raise BadInput(truth, "--truth", f"holds no {_clip(result)}.npz (the clip of {result})")


def _number(value: float) -> str:
    return "–" if not math.isfinite(value) else f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"


def _as_data(reports: dict[str, Any], means: dict[str, Any], units: dict[str, str]) -> dict[str, Any]:
    """nan is no JSON: it becomes null."""

    def plain(value: float) -> float | None:
        return value if math.isfinite(value) else None

    return {
        "units": units,
        "clips": {
            clip: {name: plain(value) for name, value in report.values.items()} for clip, report in reports.items()
        },
        "missing": {clip: report.missing for clip, report in reports.items() if report.missing},
        "mean_of_clips": {name: plain(mean.clip_mean) for name, mean in means.items()},
        "mean_of_frames": {name: plain(mean.frame_mean) for name, mean in means.items()},
    }
