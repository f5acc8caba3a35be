"""Components and commands of this package."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from diffopt_core.plugin import Component, fixed, hookimpl

if TYPE_CHECKING:
    import typer


@hookimpl
def diffopt_components() -> Iterable[Component]:
    return [
        fixed("exporter", "picture", "diffopt_lab.picture.result:PictureExporter",
              "picture.png, and overlay.png if the clip's images are available"),
        fixed("exporter", "report", "diffopt_lab.report.page:ReportExporter",
              "report.html: 3D player, charts, settings, provenance; one file"),
    ]  # fmt: skip


@hookimpl
def diffopt_commands(app: typer.Typer) -> None:
    """``diffopt report``, ``eval`` and ``ablate``."""
    from .commands import ablate, evaluate, report

    for module in (evaluate, ablate, report):
        app.command(module.NAME, rich_help_panel=module.PANEL)(module.command)
