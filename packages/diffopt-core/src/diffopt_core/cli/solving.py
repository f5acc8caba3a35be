"""Progress of a solve in the terminal and in a viewer; pictures, reports and exit status after it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..common import output as voice
from ..common.console import err, fail, note
from ..common.documents import atomic
from ..common.progress import shown, terminal_bar
from ..common.words import counted
from ..errors import MissingResource, UnknownName

if TYPE_CHECKING:
    from ..data.window import Evidence
    from ..interfaces import Viewer
    from ..results.failures import Failure
    from ..results.run import Run
    from ..types import Result


class Bars:
    """The ``report`` callback of :func:`diffopt_core.results.execute.execute`. Shows nothing under ``--quiet``.

    The bar appears with the first report, under ``title``, so that an error before the solve prints only its line.
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
            # The losses take the rest of the line; the bar keeps its width.
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
#: Largest number of results that are shown at the end.
MOST = 6


@contextmanager
def viewed(run: Run, name: str | None) -> Iterator[Viewer | None]:
    """Open the viewer of that name for the time of the run; yields None if no viewer is requested."""
    if name is None:
        yield None
        return
    from ..results.run import context

    try:
        viewer = context(run).build("viewer", name)
    except UnknownName as error:
        if name != VIEWER:
            raise
        raise MissingResource(
            f"--view needs the viewer '{VIEWER}', which is not installed: pip install {PACKAGE}"
        ) from error
    try:
        note(f"the solve is shown at {viewer.where}")
        yield viewer
    finally:
        viewer.close()


def stay(viewer: Viewer, run: Run, results: list[Result], wait: bool) -> None:
    """Show the results, until Ctrl-C if ``wait``. Results that were kept from an earlier run are read from disk."""
    shown = results or _kept(run)
    if not shown:
        return
    if len(shown) > MOST:
        note(f"showing the first {MOST} of {len(shown)} results; diffopt view shows any of them")
    viewer.show(shown[:MOST])
    voice.deliver()
    if not wait:
        return
    with suppress(KeyboardInterrupt):
        note(f"results are shown at {viewer.where}; Ctrl-C ends (--no-wait ends at once)")
        while True:
            time.sleep(3600)


def _kept(run: Run) -> list[Result]:
    from ..results.saved import read_result

    return [read_result(folder, truth=True) for folder in _finished(run)[:MOST]]


def _finished(run: Run) -> list[Path]:
    """The folders of this run's clips that hold a result."""
    from ..results.run import name_of

    return [folder for folder in map(run.folder, map(name_of, run.inputs)) if (folder / "run.json").is_file()]


def solve(
    run: Run,
    viewer: Viewer | None = None,
    failed: list[Failure] | None = None,
    evidence: list[Evidence] | None = None,
) -> list[Result]:
    """Execute the run with progress bars on standard error and, if given, snapshots in ``viewer``. ``failed``: bad
    inputs are added to it; None raises the error of the first. ``evidence``: if it was checked before."""
    from ..results.execute import execute
    from ..solver.watch import Watch

    stages = ", ".join(run.recipe.schedule) or "none"
    title = f"{counted(len(run.inputs), 'clip')} · device {run.device} · stages {stages}"
    with Bars(title) as bars, shown(terminal_bar):
        return execute(run, bars, None if viewer is None else Watch(viewer.update), evidence, failed)


def finish(
    run: Run,
    results: list[Result],
    failed: Sequence[Failure] = (),
    answer: Callable[[dict[str, Any]], None] = voice.answer,
) -> int:
    """Print the tables and return the exit status: 1 if a clip diverged or has no result. ``answer`` gets what
    ``--json`` prints."""
    from ..results.index import rows_of_run
    from ..results.shards import INDEX, as_csv
    from .summary import print_failures, print_summary, rows_of, summary

    left_out = sum("#shot" in str(path) for path in run.inputs) and len(run.inputs) - len(_finished(run))
    kept = len(run.only or run.inputs) - len(results) - (left_out or len(failed))
    if kept:
        note(f"kept the finished result of {counted(kept, 'clip')} from the same run (--overwrite solves again)")
    if len(run.inputs) > 1 and run.out is not None and not run.only:
        with atomic(run.out / INDEX) as file:
            file.write(as_csv(rows_of_run(run, results, failed)))
    rows = [] if voice.quiet() and not voice.wants_json() else [rows_of(run, result) for result in results]
    told = [{"input": each.path, "error": each.error} for each in failed]
    answer({"results": summary(run, results, rows), "kept": kept, "failed": told})
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
            note(voice.of_its_clip(f"{result.clip.name}: doubtful: {result.provenance['doubt']}"))
        if result.untrusted:
            note(voice.of_its_clip(f"{result.clip.name}: not trusted: {'; '.join(result.untrusted)}"))
    print_failures([each.reason for each in failed], len(run.inputs), [each.error for each in failed])
    return int(bool(failed) or any(result.status == "diverged" for result in results))


def drawn(run: Run, picture: bool, report: bool) -> Run:
    """The run with exporters for pictures and reports added."""
    from ..results.run import context

    besides = list(run.besides)
    for exporter in [name for name, wanted in (("picture", picture), ("report", report)) if wanted]:
        if exporter in run.registry.components["exporter"]:
            besides.append(context(run).build("exporter", exporter))
        else:
            note(f"no installed plugin offers exporter '{exporter}' (diffopt-lab does); --no-{exporter} skips it")
    return replace(run, besides=tuple(besides))
