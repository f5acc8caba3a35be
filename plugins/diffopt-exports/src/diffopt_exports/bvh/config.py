"""Settings of exporter ``bvh``."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from ..names import Names
from ..options import MotionOptions


class BvhConfig(MotionOptions):
    """Metres and Y up unless told otherwise; the order of the angles stands in the file's CHANNELS lines."""

    builds: ClassVar[str] = "diffopt_exports.bvh.exporter:BvhExporter"

    names: Names = Field(default="smpl", description="names of the joints")
    order: Literal["zxy", "zyx", "xyz", "xzy", "yxz", "yzx"] = Field(
        default="zxy", description="Euler angles: R is the product in this order, e.g. Rz Rx Ry"
    )
