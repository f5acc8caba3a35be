"""Where people read a report: progress on standard error, tables on standard output, JSON in a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from diffopt_core.voice import quiet
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from diffopt_priors.report.table import heading, tables


@contextmanager
def tick(total: int, what: str) -> Iterator[Callable[[], None]]:
    """A progress line; silent where there is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=quiet() or not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def show(report: Mapping[str, Any]) -> None:
    """Print heading and tables."""
    out = Console()
    out = out if out.is_terminal else Console(width=140)
    out.print(heading(report), highlight=False, markup=False, soft_wrap=True)
    for table in tables(report):
        out.print(table, highlight=False)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Written whole or not at all."""
    from diffopt_core.datasets.npz import atomic

    with atomic(path) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())
