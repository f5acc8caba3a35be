"""Progress of long work before the solve (decoding, detection, camera): silent unless somebody shows it.

    with track("mediapipe", total=180) as update:
        update(12)

The command line switches a display on; a library user's terminal stays untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from .output import quiet

#: Says how much is done so far.
Update = Callable[[int], None]
Display = Callable[[str, int | None], AbstractContextManager[Update]]

_display: list[Display] = []


@contextmanager
def track(title: str, total: int | None = None) -> Iterator[Update]:
    """Report progress under ``title``; ``total`` None where it is not known."""
    if not _display:
        yield lambda done: None
        return
    with _display[-1](title, total) as update:
        yield update


@contextmanager
def shown(display: Display) -> Iterator[None]:
    """Progress goes to ``display`` inside this context."""
    _display.append(display)
    try:
        yield
    finally:
        _display.pop()


@contextmanager
def terminal_bar(title: str, total: int | None, transient: bool = True) -> Iterator[Callable[..., None]]:
    """A display for :func:`shown`: a bar on standard error, gone when done; none under ``--quiet`` or in a pipe.

    What it yields takes what is done so far, and a word on it that stands beside the title.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.progress import TimeRemainingColumn as Remaining

    console, off = Console(stderr=True), quiet()
    columns = (
        TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(),
        Remaining(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=transient, disable=off or not console.is_terminal) as progress:
        task = progress.add_task(title, total=total)

        def update(done: int, word: str = "") -> None:
            progress.update(task, completed=done, description=f"{title}{word}")

        yield update
