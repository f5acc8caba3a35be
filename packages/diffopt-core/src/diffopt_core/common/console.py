"""Text output: results on standard output; progress, notices and errors on standard error.

With ``--json`` or ``--quiet`` no text is printed on standard output; with ``--quiet`` only errors go to standard error.
rich is imported when something is printed, because shell completion does not need it and must be fast.
"""

from __future__ import annotations

import logging
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

from . import output as voice

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

#: Line width if the output is not a terminal (a pipe, a log file).
_PIPED = 120


class Screen:
    """One of the two streams. ``console`` is rich's own, for bars."""

    def __init__(self, stderr: bool):
        self._stderr = stderr

    @cached_property
    def console(self) -> Console:
        from rich.console import Console

        terminal = (sys.stderr if self._stderr else sys.stdout).isatty()
        return Console(stderr=self._stderr, width=None if terminal else _PIPED)

    def print(self, what: Any = "", soft_wrap: bool = False, highlight: bool | None = None) -> None:
        """Text, or a table, which is fitted to the width of the screen."""
        if self._stderr or voice.speaks():
            for part in _parts(what, self.console.width):
                self.console.print(part, soft_wrap=soft_wrap, highlight=highlight)

    def text(self, text: str) -> None:
        """Print without wrapping or markup, for output that is piped into a file."""
        if self._stderr or voice.speaks():
            print(text, end="", file=sys.stderr if self._stderr else None)


def _parts(what: Any, width: int) -> list[Any]:
    from rich.table import Table

    from .columns import fitted

    return list(fitted(what, width)) if isinstance(what, Table) else [what]


out = Screen(stderr=False)
err = Screen(stderr=True)
say = voice.say


def note(message: str) -> None:
    """Print a notice: one line that does not stop the command."""
    if not voice.quiet():
        _line("notice", "yellow", "".join(c if c.isprintable() else " " for c in message))


def fail(message: str, word: str = "error") -> None:
    """Print the line of an error."""
    _line(word, "bold red", " ".join(message.split()))


def _line(word: str, style: str, said: str) -> None:
    """Print text that may come from a file: without markup or emoji."""
    from rich.text import Text

    err.print(Text.assemble((f"{word}:", style), " ", said), soft_wrap=True, highlight=False)


class Notices(logging.Handler):
    """Prints each logged warning of components once, as a notice. ``--quiet`` suppresses them (they are still in
    run.json)."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message not in self._told:
            self._told.add(message)
            note(message)


def grid(*columns: str, title: str | None = None, numbers: bool = False) -> Table:
    """An empty rich table in our style; ``numbers`` right-aligns all but the first column."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    for index, name in enumerate(columns):
        table.add_column(name, justify="right" if numbers and index else "left", overflow="fold")
    return table
