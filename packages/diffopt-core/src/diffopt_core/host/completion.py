"""Shell completion of values: names of components, recipes, weights, and fixed words.

For ``autocompletion=`` of an option or argument, also in commands of plugins::

    prior: Annotated[str, typer.Option("--prior", autocompletion=component("prior"))]

Names come from the registry's rows, so nothing heavy is imported during completion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..plugin import KINDS
from .registry import Registry

Offer = list[tuple[str, str]]
#: From the incomplete word to candidates and their help texts.
Complete = Callable[[str], Offer]


def component(kind: str, many: bool = False) -> Complete:
    """Names of a kind; ``many``: several, separated by commas."""

    def complete(incomplete: str) -> Offer:
        return offer(summaries(kind), incomplete, many)

    return complete


def component_of(argument: str) -> Callable[[Any, str], Offer]:
    """Names of the kind that another argument of the same command names."""

    def complete(ctx: Any, incomplete: str) -> Offer:
        return offer(summaries(str(ctx.params.get(argument))), incomplete)

    return complete


def recipe(many: bool = False) -> Complete:
    """Recipes by name; files are completed by the shell."""

    def complete(incomplete: str) -> Offer:
        return offer(dict.fromkeys(sorted(Registry.load().recipes), ""), incomplete, many)

    return complete


def weights() -> Complete:
    """Weight files that ``diffopt weights`` lists."""

    def complete(incomplete: str) -> Offer:
        return offer({name: file.summary for name, file in sorted(Registry.load().weights.items())}, incomplete)

    return complete


def kind() -> Complete:
    """Kinds of components."""
    return words({name: each.summary for name, each in KINDS.items()})


def words(known: Mapping[str, str] | Iterable[str], many: bool = False) -> Complete:
    """The given words."""
    table = dict(known) if isinstance(known, Mapping) else dict.fromkeys(known, "")

    def complete(incomplete: str) -> Offer:
        return offer(table, incomplete, many)

    return complete


def summaries(kind: str) -> dict[str, str]:
    """Name -> summary of every component of a kind; empty for an unknown kind."""
    return {name: row.summary for name, row in sorted(Registry.load().components.get(kind, {}).items())}


def offer(known: Mapping[str, str], incomplete: str, many: bool = False) -> Offer:
    """Candidates that complete ``incomplete``. In a comma-separated list, words already named are not offered again."""
    head, comma, last = incomplete.rpartition(",") if many else ("", "", incomplete)
    taken = set(head.split(","))
    return [
        (f"{head}{comma}{name}", summary)
        for name, summary in known.items()
        if name.startswith(last) and name not in taken
    ]
