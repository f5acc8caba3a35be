"""Settings of exporter ``fbx``: Blender imports the GLB and writes the FBX, in a process of its own."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from ..skinned import SkinnedOptions


class FbxConfig(SkinnedOptions):
    """Y up and centimetres (the unit that FBX readers take for granted) unless told otherwise."""

    licence: ClassVar[str] = "written by Blender (GPL-3.0), which runs as a program of its own and is not shipped"
    builds: ClassVar[str] = "diffopt_exports.fbx.exporter:FbxExporter"

    env: str | None = Field(
        default=None, description="where Blender's module bpy is: uv (built on demand), PATH; null: a blender on PATH"
    )
