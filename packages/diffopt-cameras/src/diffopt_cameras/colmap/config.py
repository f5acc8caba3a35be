"""Camera ``colmap``: structure from motion by pycolmap, or a model that is there."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from ..droid.config import FileCameraConfig


class ColmapConfig(FileCameraConfig):
    """With ``file`` a model is read (its folder, text or binary; ``stride`` and ``first`` as with any camera file).
    Without it pycolmap runs: ``features = tracks`` feeds it our own tracks of key frames, which do not confuse one tree
    with another; ``sift`` lets it find and match features itself, people masked out. ``mapper = auto``: global on
    tracks, the faster one there, incremental on SIFT, where the global one may not end within an hour."""

    licence: ClassVar[str] = "pycolmap: BSD-3-Clause"
    name: ClassVar[str] = "colmap"
    usual: ClassVar[str] = "the folder of a model, such as sparse/0"
    retired: ClassVar = {"refine_focal": False, "explained": 0.1, "registered": 0.3, "minutes": 20.0}

    features: Literal["tracks", "sift"] = "tracks"
    mapper: Literal["auto", "global", "incremental"] = "auto"
    longest: int = Field(960, ge=160, description="px, longest side of the images it works on")
    points: int = Field(500, ge=50, description="points followed in a frame (features=tracks)")
    sift_features: int = Field(2048, ge=100, description="features an image (features=sift)")
    at_most: int = Field(120, ge=3, description="images given to it (features=sift), evenly over the clip")
    overlap: int = Field(8, ge=1, description="images before and after that each is matched with (features=sift)")
    fewest_points: int = Field(100, ge=20, description="triangulated points below which the result is refused")
    threads: int = Field(-1, description="-1: as many as there are cores")

    def target(self) -> str:
        """The reader of a model, or what runs pycolmap."""
        return self.builds if self.file else "diffopt_cameras.colmap.source:ColmapCamera"
