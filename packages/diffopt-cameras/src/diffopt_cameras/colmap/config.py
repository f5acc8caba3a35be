"""Camera ``colmap``: structure from motion by pycolmap, or an existing model."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from ..droid.config import FileCameraConfig


class ColmapConfig(FileCameraConfig):
    """With ``file``, a model is read (its folder, text or binary; ``stride`` and ``first`` as for any camera file).
    Without it, pycolmap runs. ``features = tracks`` gives it our own tracks between key frames, which avoid false
    matches between similar objects; ``sift`` lets it detect and match features itself, with people masked out. ``mapper
    = auto``: global on tracks, where it is faster; incremental on SIFT, where the global mapper may take more than an
    hour."""

    licence: ClassVar[str] = "pycolmap: BSD-3-Clause"
    name: ClassVar[str] = "colmap"
    usual: ClassVar[str] = "the folder of a model, such as sparse/0"
    retired: ClassVar = {"refine_focal": False, "explained": 0.1, "registered": 0.3, "minutes": 20.0}

    features: Literal["tracks", "sift"] = "tracks"
    mapper: Literal["auto", "global", "incremental"] = "auto"
    longest: int = Field(960, ge=160, description="px, longest side of the images given to pycolmap")
    points: int = Field(500, ge=50, description="points tracked per frame (features=tracks)")
    sift_features: int = Field(2048, ge=100, description="features per image (features=sift)")
    at_most: int = Field(120, ge=3, description="most images used (features=sift), spread evenly over the clip")
    overlap: int = Field(
        8, ge=1, description="images before and after each image that it is matched with (features=sift)"
    )
    fewest_points: int = Field(100, ge=20, description="fewest triangulated points for the result to be accepted")
    threads: int = Field(-1, description="CPU threads; -1: one per core")

    def target(self) -> str:
        """Import path of the model reader, or of the class that runs pycolmap."""
        return self.builds if self.file else "diffopt_cameras.colmap.source:ColmapCamera"
