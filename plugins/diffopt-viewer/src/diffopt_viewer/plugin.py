"""Components and commands of this package."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from diffopt_core.plugin import Component, hookimpl

if TYPE_CHECKING:
    import typer


@hookimpl
def diffopt_components() -> Iterable[Component]:
    return [Component("viewer", "viser", "diffopt_viewer.config:ViserConfig", "3D in the browser, from a local server")]


@hookimpl
def diffopt_commands(app: typer.Typer) -> None:
    """``diffopt view``."""
    from diffopt_viewer.command import view

    app.command("view", rich_help_panel="Recover motion")(view)
