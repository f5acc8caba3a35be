"""A progress line on the terminal; silent where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[int, float], None]]:
    """Yields ``show(round, nats)``."""
    from diffopt_core.voice import quiet
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=quiet() or not console.is_terminal) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done, nats: bar.update(task, completed=done, description=f"{title}: {nats:.2f} nats")
