"""Progress of a recording on a terminal's standard error; silent under ``--quiet``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from diffopt_core.progress import Update
from diffopt_core.voice import quiet


@contextmanager
def bar(title: str, total: int | None) -> Iterator[Update]:
    """A display for :func:`diffopt_core.progress.shown`: gone when it is done."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=quiet() or not console.is_terminal) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.update(task, completed=done)
