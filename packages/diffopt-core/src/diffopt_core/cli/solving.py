"""A solve before people's eyes, and what follows it: pictures, reports, tables, the exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..common import voice
from ..common.console import fail, note
from ..common.progress import shown, terminal_bar
from .progress import Bars

if TYPE_CHECKING:
    from ..interfaces import Viewer
    from ..results.run import Run
    from ..types import Result


def solve(run: Run, viewer: Viewer | None = None) -> list[Result]:
    """Execute with progress on standard error, and before the eyes of ``viewer``."""
    from ..results.run import execute
    from ..solver.watch import Watch

    stages = ", ".join(run.recipe.schedule) or "none"
    title = f"{len(run.inputs)} clip(s) · device {run.device} · stages {stages}"
    with Bars(title) as bars, shown(terminal_bar):
        return execute(run, bars, None if viewer is None else Watch(viewer.update))


def finish(run: Run, results: list[Result], picture: bool, report: bool) -> int:
    """Pictures, reports, tables, and the exit status: 1 where a clip diverged."""
    from .summary import print_summary, rows_of, summary

    kept = len(run.only or run.inputs) - len(results)
    if kept:
        note(f"{kept} clip(s) had a finished result of this very run, which was kept (--overwrite solves again)")
    for exporter, wanted in (("picture", picture), ("report", report)):
        if wanted and results:
            _drawn(run, results, exporter)
    rows = [] if voice.quiet() and not voice.wants_json() else [rows_of(run, result) for result in results]
    voice.answer({"results": summary(run, results, rows), "kept": kept})
    if rows:
        print_summary(run, results, rows)
    for result in results:
        if result.status == "diverged":
            where = run.folder(result.clip.name)
            fail(
                f"{result.clip.name}: diverged: the losses left the finite numbers; the last finite state is in "
                f"{where}; try a smaller rate (--set stage.<stage>.<block>.lr=…)"
            )
        elif result.status == "doubtful":
            note(f"{result.clip.name}: doubtful: {result.provenance['doubt']}")
    return int(any(result.status == "diverged" for result in results))


def _drawn(run: Run, results: list[Result], exporter: str) -> None:
    """What an exporter shows of every result, beside it."""
    from ..results.run import context

    if exporter not in run.registry.components["exporter"]:
        return note(f"no installed plugin offers exporter '{exporter}': --no-{exporter} leaves it out")
    built = context(run).build("exporter", exporter)
    for result in results:
        built.export(result, run.folder(result.clip.name))
