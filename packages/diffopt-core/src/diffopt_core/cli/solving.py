"""A solve before people's eyes, in the terminal and in a viewer, and what follows it: pictures, reports, the status."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from ..common import output as voice
from ..common.console import err, fail, note
from ..common.progress import shown, terminal_bar
from ..errors import MissingResource, UnknownName

if TYPE_CHECKING:
    from ..interfaces import Viewer
    from ..results.run import Run
    from ..types import Result


class Bars:
    """The ``report`` callback of :func:`diffopt_core.results.run.execute`. Shows nothing under ``--quiet``.

    It starts with the first report, under ``title``: what fails before the solve leaves one line, its error.
    """

    def __init__(self, title: str):
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
        from rich.progress import TimeRemainingColumn as Remaining
        from rich.table import Column

        self._title = title
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            Remaining(),
            # The losses take what is left of the line; the bar keeps its width.
            TextColumn("[dim]{task.fields[losses]}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
            console=err.console,
            expand=True,
            disable=voice.quiet(),
        )
        self._task: dict[str, object] = {}
        self._done: dict[str, int] = {}

    def __enter__(self) -> Bars:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._task:
            self._progress.stop()

    def __call__(self, stage: str, done: int, total: int, means: dict[str, float]) -> None:
        if not self._task and not voice.quiet():
            err.print(f"[dim]{self._title}[/]", highlight=False)
            self._progress.start()
        if done <= self._done.get(stage, 0) or stage not in self._task:  # a stage of the next batch begins
            self._task[stage] = self._progress.add_task(stage, total=total, losses="")
        self._done[stage] = done
        losses = "  ".join(f"{name} {value:.3g}" for name, value in means.items())
        self._progress.update(self._task[stage], completed=done, losses=losses)  # type: ignore[arg-type]
        self._progress.refresh()


#: The viewer of ``--view``, and the package that has it.
VIEWER, PACKAGE = "viser", "diffopt-viewer"
#: Most results that are shown at once when all are done.
MOST = 6


@contextmanager
def viewed(run: Run, name: str | None) -> Iterator[Viewer | None]:
    """The viewer of that name while the run goes on, open before the solve; None where none is asked for."""
    if name is None:
        yield None
        return
    from ..results.run import context

    try:
        viewer = context(run).build("viewer", name)
    except UnknownName as error:
        if name != VIEWER:
            raise
        raise MissingResource(f"--view needs the viewer '{VIEWER}', a plugin: pip install {PACKAGE}") from error
    try:
        note(f"the solve is shown at {viewer.where}")
        yield viewer
    finally:
        viewer.close()


def stay(viewer: Viewer, run: Run, results: list[Result], wait: bool) -> None:
    """Show what came of it, until Ctrl-C if ``wait``. A clip of which nothing new was solved is read back."""
    shown = results or _kept(run)
    if not shown:
        return
    if len(shown) > MOST:
        note(f"the first {MOST} of {len(shown)} results are shown; diffopt view shows any")
    viewer.show(shown[:MOST])
    voice.deliver()
    if not wait:
        return
    with suppress(KeyboardInterrupt):
        note(f"shown at {viewer.where}; Ctrl-C ends (--no-wait does not stay)")
        while True:
            time.sleep(3600)


def _kept(run: Run) -> list[Result]:
    from ..results.saved import read_result

    folders = [run.folder(Path(name).stem) for name in run.inputs]
    return [read_result(folder, truth=True) for folder in folders[:MOST] if (folder / "run.json").is_file()]


def solve(run: Run, viewer: Viewer | None = None) -> list[Result]:
    """Execute with progress on standard error, and before the eyes of ``viewer``."""
    from ..results.run import execute
    from ..solver.watch import Watch

    stages = ", ".join(run.recipe.schedule) or "none"
    title = f"{len(run.inputs)} clip(s) · device {run.device} · stages {stages}"
    with Bars(title) as bars, shown(terminal_bar):
        return execute(run, bars, None if viewer is None else Watch(viewer.update))


def finish(run: Run, results: list[Result]) -> int:
    """Tables, and the exit status: 1 where a clip diverged."""
    from .summary import print_summary, rows_of, summary

    kept = len(run.only or run.inputs) - len(results)
    if kept:
        note(f"{kept} clip(s) had a finished result of this very run, which was kept (--overwrite solves again)")
    rows = [] if voice.quiet() and not voice.wants_json() else [rows_of(run, result) for result in results]
    voice.answer({"results": summary(run, results, rows), "kept": kept})
    if rows:
        print_summary(run, results, rows)
    for result in results:
        if result.status == "diverged":
            where = run.folder(result.clip.name)
            fail(
                f"{result.clip.name}: diverged: not finite: {result.provenance.get('not_finite', 'the losses')}; the "
                "last finite state is in "
                f"{where}; try a smaller rate (--set stage.<stage>.<block>.lr=…)"
            )
        elif result.status == "doubtful":
            note(f"{result.clip.name}: doubtful: {result.provenance['doubt']}")
    return int(any(result.status == "diverged" for result in results))


def drawn(run: Run, picture: bool, report: bool) -> Run:
    """The run with what is to be seen of each result written with it."""
    from ..results.run import context

    besides = list(run.besides)
    for exporter in [name for name, wanted in (("picture", picture), ("report", report)) if wanted]:
        if exporter in run.registry.components["exporter"]:
            besides.append(context(run).build("exporter", exporter))
        else:
            note(f"no installed plugin offers exporter '{exporter}': --no-{exporter} leaves it out")
    return replace(run, besides=tuple(besides))
