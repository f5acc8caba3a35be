"""The flags of every command, including commands of plugins: ``--json``, ``--quiet``, ``--debug``.

They are declared here once and added to the finished command tree. A command that defines such a flag keeps its own.
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
    Context = typer.Context.__base__  # the class that commands and callbacks actually receive

#: The flags as typed, for messages before the command is parsed (quarantined plugins, usage errors).
JSON, QUIET, DEBUG = ("--json",), ("--quiet", "-q"), ("--debug",)


def lay_on(command: Any) -> None:
    """Add the flags to every command below ``command`` (not to groups)."""
    shared = typer.main.get_command(_template()).params
    for leaf in leaves(command).values():
        taken = {name for param in leaf.params for name in param.opts}
        leaf.params += [param for param in shared if not taken & set(param.opts)]


def leaves(command: Any, name: str = "") -> dict[str, Any]:
    """Commands by their full name, ``train mdm``."""
    if not isinstance(command, typer.core.TyperGroup):
        return {name: command}
    below = command.commands.items()
    return {key: leaf for word, sub in below for key, leaf in leaves(sub, f"{name} {word}".strip()).items()}


def _as_json(context: Context, value: bool) -> None:
    if value and not context.resilient_parsing:  # shell completion also parses
        voice.listen(as_json=True)


def _quiet(context: Context, value: bool) -> None:
    if value and not context.resilient_parsing:
        voice.listen(quiet=True)


def _template() -> typer.Typer:
    """A command with only these flags, so that typer creates the parameters from the annotations."""
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
