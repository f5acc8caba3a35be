"""``diffopt recipe [NAME] [--diff OTHER]``: a resolved recipe, or the differences of two."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ..common.console import grid, out, say
from ..common.output import answer
from ..host import completion
from ..host.choice import PAPER, Choice
from .choice import chooses

NAME = "recipe"
PANEL = "Look around"
_DIFFERENCE = ("key", "left", "right")


@chooses
def command(
    choice: Choice,
    name: Annotated[
        str | None, typer.Argument(help="A recipe by name, or a .toml file.", autocompletion=completion.recipe())
    ] = None,
    diff: Annotated[
        str | None,
        typer.Option("--diff", metavar="OTHER", help="Print only what differs.", autocompletion=completion.recipe()),
    ] = None,
) -> int:
    """Print a recipe with everything it extends, as TOML. Without a name: list the recipes.

    Takes the flags of `run`, so it shows exactly what a run would do.

    Example: diffopt recipe table5/no-warmup --diff paper
    """
    from dataclasses import replace

    from ..host.recipe import difference, load, parse

    registry = choice.registry()
    if name is None and choice == Choice(plugins=choice.plugins, trust=choice.trust):
        table = grid("recipe", "summary")
        told = []
        for each in sorted(registry.recipes):
            text = str(load(each, registry.recipes).get("summary", ""))
            told.append({"name": each, "summary": text})
            table.add_row(each, text)
        answer({"recipes": told})
        out.print(table, highlight=False)
        return 0
    choice = replace(choice, recipe=name or choice.recipe or PAPER, trust=True)  # only shown
    resolved = choice.resolve(registry)
    if diff is None:
        from ..common.documents import dumps

        # Plain text, so that it can be piped into a file and run.
        short = _short(resolved.dump())
        answer({"name": choice.recipe, "recipe": short})
        out.text(dumps(short))
        return 0
    other = parse(load(diff, registry.recipes), f"recipe '{diff}'")
    table = grid("key", str(diff), str(choice.recipe))
    rows = [row for row in difference(other.dump(), resolved.dump()) if row[0] != "summary"]
    told = [dict(zip(_DIFFERENCE, row, strict=True)) for row in rows]
    answer({"left": diff, "right": choice.recipe, "differences": told})
    for key, left, right in rows:
        table.add_row(key, _cell(left), _cell(right))
    out.print(table, highlight=False) if rows else say("no difference")
    return 0


def _cell(value: Any) -> str:
    from ..common.documents import literal

    return "–" if value is None else literal(value).replace("[", r"\[")


def _short(table: dict[str, Any]) -> dict[str, Any]:
    """Roles in short form: a bare name, or name and options in one table."""
    from ..host.recipe import ROLES

    def short(role: dict[str, Any]) -> Any:
        return {"name": role["name"], **role["options"]} if role["options"] else role["name"]

    out = dict(table)
    for key in ROLES:
        out[key] = short(table[key])
    out["exporters"] = [short(role) for role in table["exporters"]]
    out["terms"] = {name: short(role) for name, role in table["terms"].items()}
    return {key: value for key, value in out.items() if value not in ({}, None)}
