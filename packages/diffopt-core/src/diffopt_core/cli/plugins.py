"""``diffopt plugins``: what is installed, whose it is, and what is in quarantine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..common.console import grid, out
from ..common.options import Plugins
from ..common.output import answer
from ..host import completion
from .flags import Context

if TYPE_CHECKING:
    from ..host.registry import Plugin, Registry

NAME = "plugins"
PANEL = "Look around"


def command(
    context: Context,
    kind: Annotated[
        str | None,
        typer.Argument(metavar="[KIND]", help="Only this kind, e.g. prior.", autocompletion=completion.kind()),
    ] = None,
    plugins: Plugins = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="As a page: `docs/components.md` is made so.")] = False,
) -> int:
    """List every component by kind, name and the distribution that brings it.

    Example: diffopt plugins prior
    """
    from ..errors import UnknownName
    from ..host.registry import Registry
    from ..plugin import KINDS

    if kind is not None and kind not in KINDS:
        raise UnknownName("kind", kind, KINDS)
    registry = Registry.load(plugins or ())
    kinds = [kind] if kind else list(KINDS)
    if markdown:
        answer({"markdown": page(registry, kinds)})
        out.text(page(registry, kinds))
        return 0
    table = grid("kind", "name", "summary", "distribution", "version")
    told = []
    for each in kinds:
        for number, name in enumerate(sorted(registry.components[each])):
            row, owner = registry.components[each][name], registry.owner[each, name]
            told.append({"kind": each, "name": name, "summary": row.summary, **_whose(owner)})
            table.add_row(each if number == 0 else "", name, row.summary, owner.distribution, owner.version)
    out.print(table, highlight=False)
    bad = quarantine(registry, context.obj.failed if context.obj else {})
    answer({"components": told, "quarantine": [{"plugin": p.name, **_whose(p), "error": error} for p, error in bad]})
    print_quarantine(bad)
    return 0


def _whose(plugin: Plugin) -> dict[str, str]:
    return {"distribution": plugin.distribution, "version": plugin.version}


def quarantine(registry: Registry, failed: dict[str, str]) -> list[tuple[Plugin, str]]:
    """Plugins that could not be loaded, or whose commands could not, each with its error."""
    rows = [(p, str(p.error)) for p in registry.plugins if p.error]
    return rows + [(p, f"commands left out: {failed[p.name]}") for p in registry.plugins if p.name in failed]


def print_quarantine(rows: list[tuple[Plugin, str]]) -> None:
    if not rows:
        return
    table = grid("plugin", "distribution", "version", "error", title="\nIn quarantine")
    for plugin, error in rows:
        table.add_row(plugin.name, plugin.distribution, plugin.version, error.replace("[", r"\["))
    out.print(table, highlight=False)


def page(registry: Registry, kinds: list[str]) -> str:
    """Every component as Markdown, a table a kind."""
    from ..plugin import KINDS

    lines = ["# Components", "", "Made by `diffopt plugins --markdown`. Options of one: `diffopt show KIND NAME`.", ""]
    for kind in kinds:
        flag = f" (`{KINDS[kind].flag}`)" if KINDS[kind].flag else ""
        lines += [f"## {kind}", "", f"{KINDS[kind].summary[:1].upper()}{KINDS[kind].summary[1:]}{flag}.", ""]
        rows = sorted(registry.components[kind].items())
        if not rows:
            lines += ["None is installed.", ""]
            continue
        lines += ["| name | summary | distribution |", "|---|---|---|"]
        for name, row in rows:
            owner = registry.owner[kind, name].distribution
            lines.append(f"| `{name}` | {row.summary.replace('|', ' or ')} | {owner} |")
        lines.append("")
    return "\n".join(lines)
