"""Shared by the table commands: the flag --protocol, printed tables, progress bars of a grid."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any

import typer
from diffopt_core.common import output as voice
from diffopt_core.common.console import err, fail, grid, out, say
from diffopt_core.host.completion import Offer, offer
from diffopt_core.host.registry import Registry

if TYPE_CHECKING:
    from rich.progress import TaskID

    from ..study.layouts import Sheet


def protocols(incomplete: str) -> Offer:
    """Named protocols."""
    from ..study.protocols import PROTOCOLS

    return offer({name: each.source for name, each in PROTOCOLS.items()}, incomplete)


def tables(incomplete: str) -> Offer:
    """The paper's tables, and recipes in a list."""
    from ..grid.plan import names

    known = {name: "of the paper" for name in names()} | dict.fromkeys(sorted(Registry.load().recipes), "")
    return offer(known, incomplete, many=True)


Protocol = Annotated[
    str | None,
    typer.Option("--protocol", help="Metrics and means of a named protocol: emdb2/wham.", autocompletion=protocols),
]


def print_sheet(sheet: Sheet) -> None:
    heads = (plain(head.replace(" [", "\n[").replace(" (", "\n(")) for head in sheet.heads)
    table = grid(*heads, numbers=True)
    for number, line in enumerate(sheet.lines):
        if len(line) == 1:
            table.add_row(f"[italic]{plain(line[0])}[/]", *[""] * (len(sheet.heads) - 1))
            continue
        cells = [f"[bold]{plain(t)}[/]" if (number, i) in sheet.strong else plain(t) for i, t in enumerate(line)]
        table.add_row(*cells)
    out.print()
    out.print(f"[bold]{plain(sheet.title)}[/]", soft_wrap=True, highlight=False)
    out.print(table, highlight=False)
    for text in sheet.notes:
        say(text)


def print_failures(failures: Sequence[tuple[str, str]]) -> int:
    """Print one line per failure on standard error; returns 1 if there is any, else 0."""
    for cell, why in failures:
        fail(f"{cell}: {why}", "failed")
    return int(bool(failures))


def plain(text: str) -> str:
    return text.replace("[", r"\[")


_PACE = 0.5


class GridBars:
    """``ended`` is called for every finished cell; running jobs are read from the progress files of their workers."""

    def __init__(self, total: int, done: int, out: Path):
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
        from rich.progress import TimeRemainingColumn as Remaining

        from ..grid.carry_out import PROGRESS

        self._folder = out / PROGRESS
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=28), MofNCompleteColumn(), TimeElapsedColumn(),
            Remaining(), console=err.console, disable=voice.quiet(),
        )  # fmt: skip
        self._cells = self._progress.add_task("cells", total=total, completed=done)
        self._jobs: dict[str, TaskID] = {}
        self._bad = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> GridBars:
        self._progress.start()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        self._look(last=True)
        self._progress.stop()

    def ended(self, key: Any, state: str) -> None:
        self._bad += state != "done"
        said = f"cells [red]({self._bad} failed)[/]" if self._bad else "cells"
        self._progress.update(self._cells, advance=1, description=said)

    def _follow(self) -> None:
        while not self._over.wait(_PACE):
            self._look()

    def _look(self, last: bool = False) -> None:
        """Show a bar per progress file; remove those of finished jobs."""
        here = {} if last else {path.stem: path for path in self._folder.glob("*.json")}
        for stem in [stem for stem in self._jobs if stem not in here]:
            self._progress.remove_task(self._jobs.pop(stem))
        for stem, path in sorted(here.items()):
            try:
                said = json.loads(path.read_text())
            except (OSError, ValueError):
                continue
            if stem not in self._jobs:
                self._jobs[stem] = self._progress.add_task("", total=said["total"])
            what = f"[dim]{said['label']}: {said['stage']}[/]"
            self._progress.update(self._jobs[stem], description=what, completed=said["done"], total=said["total"])
