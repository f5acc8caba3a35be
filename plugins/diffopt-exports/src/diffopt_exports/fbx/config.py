"""Settings of exporter ``fbx``: Blender imports the GLB and writes the FBX, in a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ..skinned import SkinnedOptions

if TYPE_CHECKING:
    from diffopt_core.interfaces import BuildContext, Exporter


class FbxConfig(SkinnedOptions):
    """Y up and centimetres (the unit that FBX readers take for granted) unless told otherwise."""

    licence: ClassVar[str] = "written by Blender (GPL-3.0), which runs as a program of its own and is not shipped"

    env: str | None = Field(
        default=None, description="where Blender's module bpy is: uv (built on demand), PATH; null: a blender on PATH"
    )

    def build(self, ctx: BuildContext) -> Exporter:
        from .blender import find_blender
        from .exporter import FbxExporter

        env = self.env or ctx.env
        return FbxExporter(self, env, None if env else find_blender())
