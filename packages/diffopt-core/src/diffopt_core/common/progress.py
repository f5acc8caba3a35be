"""Progress of long work before the solve (decoding, detection, camera). Nothing is shown unless a display is set.

    with track("mediapipe", total=180) as update:
        update(12)

The command line sets a display; for library users the terminal stays untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from .output import quiet

#: Called with how much is done so far.
Update = Callable[[int], None]
Display = Callable[[str, int | None], AbstractContextManager[Update]]

_display: list[Display] = []


@contextmanager
def track(title: str, total: int | None = None) -> Iterator[Update]:
    """Report progress under ``title``; ``total`` is None if unknown."""
    if not _display:
        yield lambda done: None
        return
    with _display[-1](title, total) as update:
        yield update


@contextmanager
def shown(display: Display) -> Iterator[None]:
    """Show progress with ``display`` inside this context."""
    _display.append(display)
    try:
        yield
    finally:
        _display.pop()


@contextmanager
def terminal_bar(title: str, total: int | None, transient: bool = True) -> Iterator[Callable[..., None]]:
    """A display for :func:`shown`: a bar on standard error, removed when done; none with ``--quiet`` or in a pipe.

    Yields a function of what is done so far and a word shown beside the title.
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
