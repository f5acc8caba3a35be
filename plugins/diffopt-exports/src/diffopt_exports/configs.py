"""Settings of the exporters. No torch here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from diffopt_core.errors import MissingResource
from pydantic import Field

from .options import MotionOptions, Names

if TYPE_CHECKING:
    from diffopt_core.interfaces import BuildContext
    from diffopt_core.results.saved import Surface

    from .performance import Performance


class SkinnedOptions(MotionOptions):
    """Options of GLB, USD and FBX besides the common ones."""

    names: Names = Field(default="smpl", description="names of the joints")
    mesh: Literal["body", "bones"] = Field(
        default="body", description="body: its own mesh (bones where it has none); bones: drawn round the skeleton"
    )
    camera: bool = Field(default=True, description="write the camera, too")


def surface_of(performance: Performance, options: SkinnedOptions) -> Surface:
    """The mesh that the options ask for. Raises MissingResource."""
    return performance.bones() if options.mesh == "bones" else performance.surface()


class AmassConfig(MotionOptions):
    """Z up and metres, as AMASS is; 156 columns, of which those of the fingers are zero."""

    builds: ClassVar[str] = "diffopt_exports.amass:AmassExporter"

    gender: Literal["neutral", "female", "male"] | None = Field(
        default=None, description="what the file says; null: that of the body model"
    )
    betas: Literal["own", "zero"] = Field(
        default="own", description="own: the shape that the joints have; zero: the mean shape of whatever body reads it"
    )


class BvhConfig(MotionOptions):
    """Metres and Y up unless told otherwise; the order of the angles stands in the file's CHANNELS lines."""

    builds: ClassVar[str] = "diffopt_exports.bvh:BvhExporter"

    names: Names = Field(default="smpl", description="names of the joints")
    order: Literal["zxy", "zyx", "xyz", "xzy", "yxz", "yzx"] = Field(
        default="zxy", description="Euler angles: R is the product in this order, e.g. Rz Rx Ry"
    )


class FbxConfig(SkinnedOptions):
    """Y up and centimetres (the unit that FBX readers take for granted) unless told otherwise."""

    licence: ClassVar[str] = "written by Blender (GPL-3.0), which runs as a program of its own and is not shipped"
    builds: ClassVar[str] = "diffopt_exports.fbx.exporter:FbxExporter"
    runs: ClassVar = frozenset({"env"})

    env: str | None = Field(
        default=None, description="where Blender's module bpy is: uv (built on demand), PATH; null: a blender on PATH"
    )


class GlbConfig(SkinnedOptions):
    """``up`` and ``unit`` have no effect: glTF says Y up and metres, and readers turn and scale themselves."""

    builds: ClassVar[str] = "diffopt_exports.glb:GlbExporter"


class CsvConfig(MotionOptions):
    """A row a frame: ``frame``, ``time`` (s), and x, y, z of each joint. Metres and Y up unless told otherwise."""

    builds: ClassVar[str] = "diffopt_exports.points:CsvExporter"

    names: Names = Field(default="smpl", description="names of the joints")
    decimals: int = Field(default=6, ge=1, le=12, description="of every number")


class TrcConfig(CsvConfig):
    """Joints as markers, for OpenSim and other biomechanics. Metres and Y up, as OpenSim's ground is."""

    builds: ClassVar[str] = "diffopt_exports.points:TrcExporter"


class UsdConfig(SkinnedOptions):
    """``up`` and ``unit`` also go into the stage as ``upAxis`` and ``metersPerUnit``. Metres and Y up otherwise."""

    builds: ClassVar[str] = "diffopt_exports.usd:UsdExporter"

    def build(self, ctx: BuildContext) -> Any:
        try:
            import pxr  # noqa: F401
        except ImportError as error:
            raise MissingResource(
                "exporter 'usd' needs the package usd-core (208 MB, TOST-1.0 licence), which is not installed: "
                'pip install "diffopt-exports[usd]", or pip install usd-core'
            ) from error
        return super().build(ctx)
