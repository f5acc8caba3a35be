"""Camera ``klt``: what ``--camera auto`` means for a video."""

from __future__ import annotations

from typing import ClassVar, Literal

from diffopt_core.config import ComponentConfig
from pydantic import Field, PositiveFloat


class KltConfig(ComponentConfig):
    """``mapper = auto`` takes the first model that the evidence carries: static, rotation, odometry. ``colmap`` does
    the same with pycolmap before odometry; any other is used or refused. Px are meant at a longest side of 960."""

    builds: ClassVar[str] = "diffopt_cameras.klt.source:KltCamera"
    retired: ClassVar = {
        "explained": 0.1, "fewest_tracks": 30, "parallax": 1.0, "registered": 0.5, "focal_error": 0.1,
    }  # fmt: skip

    mapper: Literal["auto", "static", "rotation", "odometry", "colmap"] = "auto"
    longest: int = Field(960, ge=160, description="px, longest side at which points are followed")
    points: int = Field(500, ge=50, description="points followed in a frame")
    still: PositiveFloat = Field(0.7, description="px: background flow up to which the camera stands still")
    small: PositiveFloat = Field(1.0, description="px: what a rotation may leave over in any case")
    fewest_points: int = Field(100, ge=20, description="triangulated points that a moving camera needs")
    residual: PositiveFloat = Field(1.0, description="px: reprojection error that a moving camera may have")
