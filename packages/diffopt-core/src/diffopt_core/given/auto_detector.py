"""Detector ``auto``: the file's own keypoints where it holds some, else a detector that needs no GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..config import ComponentConfig
from .choose import for_video, signed

if TYPE_CHECKING:
    from ..interfaces import BuildContext
    from ..types import Clip, Observations


class AutoDetectorConfig(ComponentConfig):
    """``video``: the detector for clips that are images alone; None takes the one
    whose package offers it for that."""

    builds: ClassVar[str] = f"{__name__}:AutoDetector"

    video: str | None = None


class AutoDetector:
    """Implements :class:`diffopt_core.interfaces.Detector`. ``facts["component"]`` says who detected."""

    def __init__(self, config: AutoDetectorConfig, ctx: BuildContext):
        self._ctx, self._video = ctx, config.video

    def detect(self, clip: Clip) -> Observations:
        """The clip's keypoints, or those of the named detector on its images."""
        name = (
            for_video(self._ctx, "detector", self._video)
            if clip.observations is None and clip.video is not None
            else "given"
        )
        return signed(self._ctx.build("detector", name).detect(clip), name)
