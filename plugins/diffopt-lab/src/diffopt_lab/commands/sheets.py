"""Shared by the table commands: the flag --protocol, printed tables."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from diffopt_core.common.console import fail, grid, out, say
from diffopt_core.common.reasons import tell_few, tell_reasons
from diffopt_core.host.completion import Offer, offer
from diffopt_core.host.registry import Registry

if TYPE_CHECKING:
    from ..study.layouts import Sheet
    from ..study.model import Study


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


def print_failures(study: Study) -> int:
    """Print a line for each of a few failures on standard error, and how many cells have each reason, or a reason to be
    doubted; returns 1 if there is any failure, else 0."""
    from ..study.data import doubts, failures, reasons

    found = failures(study)
    tell_few([f"{cell}: {why}" for cell, why in found], partial(fail, word="failed"))
    tell_reasons("reason", "cells", reasons(study))
    tell_reasons("doubtful or not trusted", "cells", doubts(study))
    return int(bool(found))


def plain(text: str) -> str:
    return text.replace("[", r"\[")
