"""Where people read: results on standard output, progress, notices and errors on standard error."""

from __future__ import annotations

import logging
import sys

from rich.console import Console
from rich.table import Table

#: Columns where the output is no terminal (a pipe, a log): room for the tables.
_PIPED = 120

out = Console(width=None if sys.stdout.isatty() else _PIPED)
err = Console(stderr=True, width=None if sys.stderr.isatty() else _PIPED)


def note(message: str) -> None:
    """A line that is worth knowing and stops nothing."""
    err.print("[yellow]notice:[/] " + message.replace("[", r"\["), soft_wrap=True, highlight=False)


class Notices(logging.Handler):
    """What components log as a warning, as notices, once each. ``quiet`` leaves them out (they are in run.json)."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.quiet = False
        self._told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if not self.quiet and message not in self._told:
            self._told.add(message)
            note(message)


def say(message: str) -> None:
    out.print(message.replace("[", r"\["), soft_wrap=True, highlight=False)


def grid(*columns: str, title: str | None = None, numbers: bool = False) -> Table:
    """A table in the house style; ``numbers`` right-aligns all but the first column."""
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    for index, name in enumerate(columns):
        table.add_column(name, justify="right" if numbers and index else "left", overflow="fold")
    return table
