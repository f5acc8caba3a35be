"""The flags that every command has, those of plugins too: ``--json``, ``--quiet``, ``--debug``.

They are declared here once and laid on the finished tree. A command that brings a flag of that name keeps its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core
import typer.main

from ..common import output as voice
from ..common.options import OUTPUT

if TYPE_CHECKING:
    from typer import Context
else:
    Context = typer.Context.__base__  # what commands and callbacks are handed in truth

#: In the command line as typed, for what is said before a command is known (plugins in quarantine, usage errors).
JSON, QUIET, DEBUG = ("--json",), ("--quiet", "-q"), ("--debug",)


def lay_on(command: Any) -> None:
    """Give the flags to every command below ``command`` (groups have none)."""
    shared = typer.main.get_command(_template()).params
    for leaf in leaves(command).values():
        taken = {name for param in leaf.params for name in param.opts}
        leaf.params += [param for param in shared if not taken & set(param.opts)]


def leaves(command: Any, name: str = "") -> dict[str, Any]:
    """Commands by their name as typed, ``train mdm``."""
    if not isinstance(command, typer.core.TyperGroup):
        return {name: command}
    below = command.commands.items()
    return {key: leaf for word, sub in below for key, leaf in leaves(sub, f"{name} {word}".strip()).items()}


def _as_json(context: Context, value: bool) -> None:
    if value and not context.resilient_parsing:  # a shell that asks for completions parses, too
        voice.listen(as_json=True)


def _quiet(context: Context, value: bool) -> None:
    if value and not context.resilient_parsing:
        voice.listen(quiet=True)


def _template() -> typer.Typer:
    """A command with these flags alone: the library's own way from an annotation to a parameter."""
    app = typer.Typer(add_completion=False)

    @app.command(context_settings={"help_option_names": []})
    def flags(
        as_json: Annotated[
            bool,
            typer.Option(
                *JSON, help="Print one JSON document, nothing else.", rich_help_panel=OUTPUT, callback=_as_json,
                is_eager=True, expose_value=False,
            ),
        ] = False,
        quiet: Annotated[
            bool,
            typer.Option(
                *QUIET, help="Only errors.", rich_help_panel=OUTPUT, callback=_quiet, is_eager=True, expose_value=False
            ),
        ] = False,
        debug: Annotated[
            bool,
            typer.Option(
                *DEBUG, help="Show the traceback of an error.", rich_help_panel=OUTPUT, expose_value=False
            ),
        ] = False,
    ) -> None: ...  # fmt: skip

    return app
