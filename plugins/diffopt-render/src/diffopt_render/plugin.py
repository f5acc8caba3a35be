"""Settings of the renderers, and what this package offers to the host. No torch here."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from diffopt_core.config import ComponentConfig
from diffopt_core.errors import MissingResource
from diffopt_core.plugin import Component, hookimpl
from pydantic import Field

if TYPE_CHECKING:
    import typer
    from diffopt_core.interfaces import BuildContext, Renderer


_HERE = "diffopt_render"
log = logging.getLogger(__name__)


class AutoConfig(ComponentConfig):
    """No settings. Raises MissingResource if no renderer works, with the reason for each."""

    def build(self, ctx: BuildContext) -> Renderer:
        """``gl``; with a notice, ``embree`` if no OpenGL context can be opened."""
        try:
            return ctx.build("renderer", "gl")
        except MissingResource as error:
            lacking = error
        try:
            renderer: Renderer = ctx.build("renderer", "embree")
        except MissingResource as error:
            raise MissingResource(f"no renderer works on this machine. {lacking}. {error}") from None
        log.warning("rendering with embree, which is slower: %s", lacking)
        return renderer


class EmbreeConfig(ComponentConfig):
    """``samples``: rays per edge pixel, a square number; other pixels use one."""

    builds: ClassVar[str] = "diffopt_render.embree:EmbreeRenderer"

    samples: int = Field(default=9, ge=1, le=64, description="rays per edge pixel")

    packages: ClassVar = {
        "embreex": "renderer 'embree' needs the package embreex (14 MB; x86-64 and Apple silicon): "
        'pip install "diffopt-render[embree]"'
    }


class GlConfig(ComponentConfig):
    """``device``: EGL device number. ``samples``: samples per pixel for antialiasing; fewer if the driver supports
    fewer."""

    builds: ClassVar[str] = "diffopt_render.gl:GlRenderer"

    device: int = Field(default=0, ge=0, description="number of the EGL device (GPU)")
    samples: int = Field(default=8, ge=1, le=32, description="samples per pixel")


@hookimpl
def diffopt_components() -> Iterable[Component]:
    """One entry per renderer."""
    return [
        Component("renderer", "auto", f"{_HERE}.plugin:AutoConfig", "gl if a context can be opened, else embree"),
        Component("renderer", "gl", f"{_HERE}.plugin:GlConfig", "OpenGL without a display, on a GPU or a CPU"),
        Component("renderer", "embree", f"{_HERE}.plugin:EmbreeConfig", "ray tracing on a CPU; needs no OpenGL"),
    ]


@hookimpl
def diffopt_commands(app: typer.Typer) -> None:
    """``diffopt render``."""
    from diffopt_render.command import render

    app.command("render", rich_help_panel="Recover motion")(render)
