"""A report's table at the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .console import grid, out, say

if TYPE_CHECKING:
    from ..study.sheet import Sheet


def print_sheet(sheet: Sheet) -> None:
    def plain(text: str) -> str:
        return text.replace("[", r"\[")

    heads = (plain(head.replace(" [", "\n[").replace(" (", "\n(")) for head in sheet.heads)
    table = grid(*heads, title=plain(sheet.title), numbers=True)
    table.columns[0].no_wrap = True
    for number, line in enumerate(sheet.lines):
        if len(line) == 1:
            table.add_row(f"[italic]{plain(line[0])}[/]", *[""] * (len(sheet.heads) - 1))
            continue
        cells = [f"[bold]{plain(t)}[/]" if (number, i) in sheet.strong else plain(t) for i, t in enumerate(line)]
        table.add_row(*cells)
    out.print()
    out.print(table, highlight=False)
    for text in sheet.notes:
        say(text)
