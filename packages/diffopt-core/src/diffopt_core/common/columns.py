"""Tables on a screen of a given width: no word and no number is broken where it can be helped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Column, Table

#: Characters between two columns.
_GAP = 2


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
