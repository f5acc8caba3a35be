"""A report's table at the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .console import fail, grid, out, say

if TYPE_CHECKING:
    from ..study.sheet import Sheet


def print_sheet(sheet: Sheet) -> None:
    heads = (plain(head.replace(" [", "\n[").replace(" (", "\n(")) for head in sheet.heads)
    table = grid(*heads, numbers=True)
    table.columns[0].no_wrap = True
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
    """A line each on standard error; 1 where there is one, else 0."""
    for cell, why in failures:
        fail(f"{cell}: {why}", "failed")
    return int(bool(failures))


def plain(text: str) -> str:
    return text.replace("[", r"\[")
