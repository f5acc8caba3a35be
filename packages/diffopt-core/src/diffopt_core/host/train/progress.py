"""A progress line on the terminal; silent where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(title: str, total: int | None) -> Iterator[Callable[[int, float], None]]:
    """Yields ``show(step, loss)``."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from ...common.voice import quiet

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=quiet() or not console.is_terminal) as bar:
        task = bar.add_task(title, total=total)

        def show(step: int, loss: float) -> None:
            bar.update(task, completed=step, description=f"{title}: loss {loss:.4f}")

        yield show
