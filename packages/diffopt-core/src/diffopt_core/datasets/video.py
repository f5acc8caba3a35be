"""Dataset ``video``: a video file or a folder of images. Evidence is for detector, camera and initializer to find."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from ..config import ComponentConfig

if TYPE_CHECKING:
    from ..interfaces import BuildContext
    from .video_file import VideoDataset


class VideoConfig(ComponentConfig):
    """``truth``: truth file; by default ``truth/<stem>.npz`` beside the video, where there is one."""

    truth: Path | None = None
    image_fps: float | None = Field(default=None, gt=0, description="frame rate of a folder of images (or --fps)")

    def build(self, ctx: BuildContext) -> VideoDataset:
        from .video_file import VideoDataset

        return VideoDataset(self)
