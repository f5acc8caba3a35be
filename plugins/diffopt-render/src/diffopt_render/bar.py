"""The bar of a rendering."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from diffopt_core.progress import Update


@contextmanager
def bar(title: str, total: int | None) -> Iterator[Update]:
    """For :func:`diffopt_core.progress.shown`: on standard error, gone when it is done, none under ``--quiet``."""
    from diffopt_core.voice import quiet
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True, disable=quiet() or not console.is_terminal) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.update(task, completed=done)
