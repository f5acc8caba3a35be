"""Camera ``klt``: what ``--camera auto`` means for a video."""

from __future__ import annotations

from typing import ClassVar, Literal

from diffopt_core.config import ComponentConfig
from pydantic import Field, PositiveFloat


class KltConfig(ComponentConfig):
    """``mapper = auto`` takes the first model that the evidence carries: static, rotation, odometry. ``colmap`` does
    the same with pycolmap before odometry; any other is used or refused. Px are meant at a longest side of 960."""

    builds: ClassVar[str] = "diffopt_cameras.klt.source:KltCamera"

    mapper: Literal["auto", "static", "rotation", "odometry", "colmap"] = "auto"
    longest: int = Field(960, ge=160, description="px, longest side at which points are followed")
    points: int = Field(500, ge=50, description="points followed in a frame")
    still: PositiveFloat = Field(0.7, description="px: background flow up to which the camera stands still")
    explained: PositiveFloat = Field(0.1, description="share of the flow that a rotation may leave over")
    small: PositiveFloat = Field(1.0, description="px: what a rotation may leave over in any case")
    fewest_tracks: int = Field(30, ge=8, description="points a frame below which nothing is tried")
    fewest_points: int = Field(100, ge=20, description="triangulated points that a moving camera needs")
    parallax: PositiveFloat = Field(1.0, description="degrees between the rays of the first two views")
    residual: PositiveFloat = Field(1.0, description="px: reprojection error that a moving camera may have")
    registered: float = Field(0.5, gt=0, le=1, description="share of the frames that a moving camera must cover")
    focal_error: PositiveFloat = Field(0.1, description="relative error up to which an estimated focal length is used")
