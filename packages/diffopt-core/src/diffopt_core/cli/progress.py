"""Progress of a solve: one bar a stage, with the loss terms beside it."""

from __future__ import annotations

from types import TracebackType

from ..common import voice
from ..common.console import err


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
