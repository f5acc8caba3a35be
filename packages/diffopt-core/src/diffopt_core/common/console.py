"""Text output: results on standard output; progress, notices and errors on standard error.

With ``--json`` or ``--quiet`` no text is printed on standard output; with ``--quiet`` only errors go to standard error.
rich is imported when something is printed, because shell completion does not need it and must be fast. Tables fit the
width of the screen: no word and no number is broken where it can be helped.
"""

from __future__ import annotations

import logging
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any

from . import output as voice

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Column, Table

#: Line width if the output is not a terminal (a pipe, a log file).
_PIPED = 120
#: Characters between two columns.
_GAP = 2


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

    return list(fitted(what, width)) if isinstance(what, Table) else [what]


out = Screen(stderr=False)
err = Screen(stderr=True)
say = voice.say


def note(message: str) -> None:
    """Print a notice: one line that does not stop the command; or a hint, which is of no clip."""
    if not voice.quiet():
        word = "hint" if message.startswith(voice.HINT) else "notice"
        text = message.removeprefix(voice.HINT)
        _line(word, "yellow", "".join(c if c.isprintable() else " " for c in text))


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
        message = message if voice.is_passing(record) else voice.of_its_clip(message)
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


def fitted(table: Table, width: int) -> list[Table]:
    """The table, each column at least as wide as its longest word. One that is too wide for that comes in several
    parts, below one another, each with the first column. A word longer than the screen is broken all the same."""
    words, lines = zip(*(_measure(column) for column in table.columns), strict=True)
    parts: list[list[int]] = [[0]]
    for index in range(1, len(words)):
        part = [*parts[-1], index]
        if len(part) > 2 and sum(words[i] for i in part) + _GAP * (len(part) - 1) > width:
            parts.append([0, index])
        else:
            parts[-1] = part
    for number, part in enumerate(parts):
        room = width - _GAP * (len(part) - 1)
        widths = _shared(room, [words[i] for i in part], [lines[i] for i in part])
        parts[number] = list(zip(part, widths, strict=True))  # type: ignore[arg-type]
    return [_part(table, part, number == 0) for number, part in enumerate(parts)]


def _measure(column: Column) -> tuple[int, int]:
    """Its longest word and its longest line."""
    from rich.text import Text

    plain = [Text.from_markup(str(cell)).plain for cell in (column.header, *column.cells)]
    return (
        max((len(word) for text in plain for word in text.split()), default=1),
        max((len(line) for text in plain for line in text.splitlines()), default=1),
    )


def _shared(room: int, least: list[int], most: list[int]) -> list[int]:
    """Widths between least and most: what is left over goes where the most is wanted."""
    widths = list(least)
    while sum(widths) < room and widths != most:
        neediest = max(range(len(widths)), key=lambda i: most[i] - widths[i])
        widths[neediest] += 1
    while sum(widths) > room and max(widths) > 1:  # a word longer than the screen
        widths[widths.index(max(widths))] -= 1
    return widths


def _part(table: Table, columns: Any, first: bool) -> Table:
    """Some columns of a table, with their widths."""
    from copy import copy

    part = copy(table)
    part.title = table.title if first else ""
    part.columns = [copy(table.columns[index]) for index, _ in columns]
    for number, (column, (_, width)) in enumerate(zip(part.columns, columns, strict=True)):
        column._index, column.width = number, width
    return part
