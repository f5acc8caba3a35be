"""Components and commands of this package."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from diffopt_core.plugin import Component, hookimpl

if TYPE_CHECKING:
    import typer

_HERE = "diffopt_exports"


@hookimpl
def diffopt_components() -> Iterable[Component]:
    """One entry per format."""
    return [
        Component("exporter", "glb", f"{_HERE}.configs:GlbConfig", "motion.glb: animated skinned mesh and camera"),
        Component("exporter", "bvh", f"{_HERE}.configs:BvhConfig", "motion.bvh: skeleton with Euler angles"),
        Component("exporter", "amass", f"{_HERE}.configs:AmassConfig", "amass.npz: for the SMPL add-on, aitviewer"),
        Component("exporter", "usd", f"{_HERE}.configs:UsdConfig", "motion.usdc: UsdSkel mesh and camera"),
        Component("exporter", "csv", f"{_HERE}.configs:CsvConfig", "motion.csv: joints by frame"),
        Component("exporter", "trc", f"{_HERE}.configs:TrcConfig", "motion.trc: joints as markers, OpenSim"),
        Component("exporter", "fbx", f"{_HERE}.configs:FbxConfig", "motion.fbx: the GLB, converted by Blender"),
    ]


@hookimpl
def diffopt_commands(app: typer.Typer) -> None:
    """``diffopt export``."""
    from diffopt_exports.command import export

    app.command("export", rich_help_panel="Recover motion")(export)
