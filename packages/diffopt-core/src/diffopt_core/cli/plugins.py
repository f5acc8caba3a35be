"""``diffopt plugins``: installed components, quarantined plugins, and contract checks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

from ..common.console import grid, out, say
from ..common.options import Plugins
from ..common.output import answer
from ..host import completion
from .flags import Context

if TYPE_CHECKING:
    from ..host.registry import Plugin, Registry

NAME = "plugins"
PANEL = "Look around"


class _Listing(typer.core.TyperGroup):
    """``diffopt plugins`` and ``diffopt plugins prior`` are ``diffopt plugins list …``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        asked = args and (args[0] in self.commands or args[0] in ("-h", "--help"))
        return super().parse_args(ctx, list(args) if asked else ["list", *args])


group = typer.Typer(cls=_Listing, help="What is installed, whose it is; and whether a component keeps its contract.")


@group.command("list")
def list_components(
    context: Context,
    kind: Annotated[
        str | None,
        typer.Argument(metavar="[KIND]", help="Only this kind, e.g. prior.", autocompletion=completion.kind()),
    ] = None,
    plugins: Plugins = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown page (docs/components.md).")] = False,
) -> int:
    """List every component by kind and name, with its distribution. "list" may be omitted.

    Example: diffopt plugins list prior
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
    table = grid("kind", "name", "summary", "distribution", "version", "upstream")
    told = []
    for each in kinds:
        for number, name in enumerate(sorted(registry.components[each])):
            row, owner = registry.components[each][name], registry.owner[each, name]
            told.append({"kind": each, "name": name, "summary": row.summary, "upstream": row.upstream, **_whose(owner)})
            cells = (row.summary, owner.distribution, owner.version, row.upstream)
            table.add_row(each if number == 0 else "", name, *cells)
    out.print(table, highlight=False)
    bad = quarantine(registry, context.obj.failed if context.obj else {})
    answer({"components": told, "quarantine": [{"plugin": p.name, **_whose(p), "error": error} for p, error in bad]})
    print_quarantine(bad)
    return 0


@group.command("check")
def check(
    name: Annotated[
        str, typer.Argument(help="A component, or a plugin or distribution: all that it offers.", show_default=False)
    ],
    file: Annotated[
        Path | None, typer.Argument(metavar="[INPUT]", help="What it is checked on: a dataset's own file, or a clip.")
    ] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="An option of it.")] = None,
    plugins: Plugins = None,
) -> int:
    """Run the contract of a component: shapes, units, gradients, files, as its kind promises. Status 1 where it fails.

    Example: diffopt plugins check nemo
    """
    from ..errors import DiffOptError, nearest
    from ..host.recipe import setting
    from ..host.registry import Registry
    from ..host.testing import contract_of, run_checks

    registry = Registry.load(plugins or ())
    rows = [key for key, owner in registry.owner.items() if name in (key[1], owner.name, owner.distribution)]
    rows = [(kind, each) for kind, each in rows if kind in registry.components]
    if not rows:
        near = nearest(
            name, {each for key, owner in registry.owner.items() for each in (key[1], owner.name, owner.distribution)}
        )
        raise DiffOptError(
            f"'{name}' is not installed, or misspelt.{near} `diffopt plugins` lists all; "
            "a plugin that is not installed is given with -p FILE.py or -p MODULE"
        )
    if settings and len(rows) > 1:
        raise DiffOptError(f"--set: '{name}' is {len(rows)} components; name one")
    options = dict(setting(text) for text in settings or ())
    clip = _clip(registry, file) if file and {kind for kind, _ in rows} & _ON_CLIPS else None
    told: list[dict[str, Any]] = []
    for kind, each in rows:
        say(f"{kind} {each}")
        for what, problem in run_checks(contract_of(registry, kind, each, options, file, clip)):
            # The clip of the checks has no images.
            blind = clip is None and kind in _ON_CLIPS and problem is not None and ": video: " in problem
            if blind:
                problem = None
                say(f"  -     {what}: not checked, it looks at images; with yours: diffopt plugins check {name} VIDEO")
            else:
                say(f"  ok    {what}" if problem is None else f"  FAILS {what}: {problem}")
            told.append({"kind": kind, "name": each, "check": what, "problem": problem, "left_out": blind})
    failed = sum(row["problem"] is not None for row in told)
    answer({"checks": told, "failed": failed})
    left = sum(row["left_out"] for row in told)
    say(f"{len(told) - failed - left} checks passed, {failed} failed{f', {left} not made' if left else ''}")
    return int(failed > 0)


#: Kinds that are checked on a clip.
_ON_CLIPS = {"detector", "camera", "initializer"}


def _clip(registry: Registry, file: Path) -> Any:
    from ..host.recipe import Recipe
    from ..perception.perceive import open_clip

    return open_clip(file, Recipe(), registry.context())


def _whose(plugin: Plugin) -> dict[str, str]:
    return {"distribution": plugin.distribution, "version": plugin.version}


def quarantine(registry: Registry, failed: dict[str, str]) -> list[tuple[Plugin, str]]:
    """Plugins that could not be loaded, or whose commands failed, with their errors."""
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
    """Every component as Markdown, a table per kind."""
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
            summary = row.summary.replace("|", " or ") + (f" ({row.upstream})" if row.upstream else "")
            lines.append(f"| `{name}` | {summary} | {owner} |")
        lines.append("")
    return "\n".join(lines)
