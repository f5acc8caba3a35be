"""Components and commands of this package."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from diffopt_core.plugin import Component, hookimpl

if TYPE_CHECKING:
    import typer

_HERE = "diffopt_render"


@hookimpl
def diffopt_components() -> Iterable[Component]:
    """One entry per renderer."""
    return [
        Component("renderer", "auto", f"{_HERE}.configs:AutoConfig", "gl if a context can be opened, else embree"),
        Component("renderer", "gl", f"{_HERE}.configs:GlConfig", "OpenGL without a display, on a GPU or a CPU"),
        Component("renderer", "embree", f"{_HERE}.configs:EmbreeConfig", "ray tracing on a CPU; needs no OpenGL"),
    ]


@hookimpl
def diffopt_commands(app: typer.Typer) -> None:
    """``diffopt render``."""
    from diffopt_render.command import render

    app.command("render", rich_help_panel="Recover motion")(render)
