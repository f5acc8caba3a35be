"""``diffopt show [KIND] [NAME]``: the kinds, the components of a kind, or one component's options, terms of use and
distribution."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..common.console import grid, out, say
from ..common.options import Plugins
from ..common.output import answer
from ..host import completion

if TYPE_CHECKING:
    from ..host.registry import Registry

_OPTION = ("option", "type", "default", "description")
NAME = "show"
PANEL = "Look around"


def command(
    kind: Annotated[
        str | None,
        typer.Argument(help="A kind, e.g. prior; without it, all kinds.", autocompletion=completion.kind()),
    ] = None,
    name: Annotated[
        str | None,
        typer.Argument(help="A component of that kind.", autocompletion=completion.component_of("kind")),
    ] = None,
    plugins: Plugins = None,
) -> int:
    """Show the kinds of components, those of a kind, or the options of one.

    Example: diffopt show prior mdm
    """
    from ..errors import UnknownName
    from ..host.registry import Registry
    from ..plugin import KINDS

    registry = Registry.load(plugins or ())
    if kind is None:
        _kinds(registry)
        return 0
    if kind not in KINDS:
        raise UnknownName("kind", kind, KINDS)
    if name is None:
        say(f"{kind}: {KINDS[kind].summary}" + (f"  ({KINDS[kind].flag})" if KINDS[kind].flag else ""))
        table = grid("name", "summary", "distribution")
        told = []
        for each, row in sorted(registry.components[kind].items()):
            whose = registry.owner[kind, each].distribution
            told.append({"name": each, "summary": row.summary, "distribution": whose})
            table.add_row(each, row.summary, whose)
        about = {"kind": kind, "summary": KINDS[kind].summary, "flag": KINDS[kind].flag}
        answer({**about, "components": told})
        out.print(table, highlight=False)
        return 0
    row, owner = registry.component(kind, name), registry.owner[kind, name]
    config = registry.config_class(kind, name)
    text, terms = inspect.cleandoc(config.__doc__ or ""), config.licence or "those of its distribution"
    answer(
        {
            "kind": kind, "name": name, "summary": row.summary, "upstream": row.upstream, "description": text,
            "options": [dict(zip(_OPTION, option, strict=True)) for option in _rows(config, "")],
            "distribution": owner.distribution, "version": owner.version, "config": row.config, "terms_of_use": terms,
        }
    )  # fmt: skip
    say(f"{kind} {name}: {row.summary}" + (f" ({row.upstream})" if row.upstream else ""))
    if text:
        say(text)
    out.print()
    out.print(_options(config), highlight=False)
    say(f"\ndistribution: {owner.distribution} {owner.version}   config: {row.config}")
    say(f"terms of use: {terms}")
    return 0


def _kinds(registry: Registry) -> None:
    """A row per kind, with its flag and how many components there are."""
    from ..plugin import KINDS

    table, told = grid("kind", "summary", "flag", "components"), []
    for kind in KINDS.values():
        count = len(registry.components[kind.name])
        told.append({"kind": kind.name, "summary": kind.summary, "flag": kind.flag, "components": count})
        table.add_row(kind.name, kind.summary, kind.flag or "", str(count))
    answer({"kinds": told})
    out.print(table, highlight=False)


def _options(config: Any) -> Any:
    """A row per option; a nested model's options follow it, indented by their dotted name."""
    rows = list(_rows(config, ""))
    if not rows:
        return "no options"
    table = grid(*_OPTION)
    for row in rows:
        table.add_row(*(cell.replace("[", r"\[") for cell in row))
    return table


def _rows(config: Any, prefix: str) -> Any:
    from pydantic import BaseModel

    for name, field in config.model_fields.items():
        nested = inspect.isclass(field.annotation) and issubclass(field.annotation, BaseModel)
        if nested:
            yield from _rows(field.annotation, f"{prefix}{name}.")
            continue
        default = "required" if field.is_required() else _plain(field.get_default(call_default_factory=True))
        yield f"{prefix}{name}", _type(field.annotation), default, field.description or ""


def _plain(value: Any) -> str:
    from ..common.documents import literal

    try:
        return literal(value)
    except TypeError:
        return str(value)


def _type(annotation: Any) -> str:
    """Text of a type: ``int | None`` instead of ``typing.Optional[int]``; the choices of a Literal."""
    from typing import Literal, get_args, get_origin

    if get_origin(annotation) is Literal:
        return " | ".join(repr(choice).replace("'", '"') for choice in get_args(annotation))
    text = annotation.__name__ if inspect.isclass(annotation) and not get_args(annotation) else str(annotation)
    return text.replace("typing.", "").replace("pathlib.", "").replace("NoneType", "None")
