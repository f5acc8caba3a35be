"""Dataset ``video``: a video file or a folder of images. Evidence is for detector, camera and initializer to find."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from ..config import ComponentConfig


class VideoConfig(ComponentConfig):
    """``truth``: truth file; by default ``truth/<stem>.npz`` beside the video, where there is one."""

    builds: ClassVar[str] = "diffopt_core.datasets.video_file:VideoDataset"

    truth: Path | None = None
    image_fps: float | None = Field(default=None, gt=0, description="frame rate of a folder of images (or --fps)")
