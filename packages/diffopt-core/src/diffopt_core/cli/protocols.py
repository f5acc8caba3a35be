"""What TAB offers for named protocols and tables: they are no components, so no plugin's rows name them."""

from __future__ import annotations

from typing import Annotated

import typer

from ..completion import Offer, offer
from ..registry import Registry


def protocols(incomplete: str) -> Offer:
    """Named protocols."""
    from ..study.protocols import PROTOCOLS

    return offer({name: each.source for name, each in PROTOCOLS.items()}, incomplete)


def tables(incomplete: str) -> Offer:
    """The paper's tables, and recipes in a list."""
    from ..grid.table_spec import names

    known = {name: "of the paper" for name in names()} | dict.fromkeys(sorted(Registry.load().recipes), "")
    return offer(known, incomplete, many=True)


Protocol = Annotated[
    str | None,
    typer.Option("--protocol", help="Metrics and means of a named protocol: emdb2/wham.", autocompletion=protocols),
]
