"""Camera ``klt``: the meaning of ``--camera auto`` for a video."""

from __future__ import annotations

from typing import ClassVar, Literal

from diffopt_core.config import ComponentConfig
from pydantic import Field, PositiveFloat


class KltConfig(ComponentConfig):
    """``mapper = auto`` uses the first model that fits the tracks: static, rotation, odometry. ``colmap`` does the same
    with pycolmap before odometry. Any other value uses that model, or fails if it does not fit. Px refer to a longest
    side of 960."""

    builds: ClassVar[str] = "diffopt_cameras.klt.source:KltCamera"
    retired: ClassVar = {
        "explained": 0.1, "fewest_tracks": 30, "parallax": 1.0, "registered": 0.5, "focal_error": 0.1,
    }  # fmt: skip

    mapper: Literal["auto", "static", "rotation", "odometry", "colmap"] = "auto"
    longest: int = Field(960, ge=160, description="px, longest side at which points are tracked")
    points: int = Field(500, ge=50, description="points tracked per frame")
    still: PositiveFloat = Field(0.7, description="px: background flow up to which the camera counts as static")
    small: PositiveFloat = Field(1.0, description="px: residual at which a rotation always counts as a fit")
    fewest_points: int = Field(100, ge=20, description="fewest triangulated points for a moving camera")
    residual: PositiveFloat = Field(1.0, description="px: largest reprojection error for a moving camera")
