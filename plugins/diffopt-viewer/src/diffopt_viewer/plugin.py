"""Viewer ``viser``: its settings, and what this package offers to the host. No torch here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, ClassVar

from diffopt_core.config import ComponentConfig
from diffopt_core.plugin import Component, hookimpl
from pydantic import Field

if TYPE_CHECKING:
    import typer


class ViserConfig(ComponentConfig):
    """3D view in the browser, served from this machine.

    ``host``: address to listen on; the default accepts only this machine, 0.0.0.0 also others (for work on a remote
    server). ``port``: None: the first free port from 8080. ``open``: open a browser window; None: if there is a
    display. ``dark``: start with dark colours. ``truth``: show the ground truth.
    """

    builds: ClassVar[str] = "diffopt_viewer.viewer:ViserViewer"

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    open: bool | None = None
    dark: bool = False
    truth: bool = True


@hookimpl
def diffopt_components() -> Iterable[Component]:
    return [Component("viewer", "viser", "diffopt_viewer.plugin:ViserConfig", "3D in the browser, from a local server")]


@hookimpl
def diffopt_commands(app: typer.Typer) -> None:
    """``diffopt view``."""
    from diffopt_viewer.command import view

    app.command("view", rich_help_panel="Recover motion")(view)
