"""Detector ``auto``: the file's own keypoints where it holds some, else a detector that needs no GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .choose import AutoConfig, for_video, signed

if TYPE_CHECKING:
    from ..interfaces import BuildContext
    from ..types import Clip, Observations


class AutoDetectorConfig(AutoConfig):
    """``video``: the detector for clips that are images alone; None takes the one
    whose package offers it for that. Other options are handed on to it."""

    builds: ClassVar[str] = f"{__name__}:AutoDetector"

    video: str | None = None


class AutoDetector:
    """Implements :class:`diffopt_core.interfaces.Detector`. ``facts["component"]`` says who detected."""

    def __init__(self, config: AutoDetectorConfig, ctx: BuildContext):
        self._ctx, self._config = ctx, config

    def detect(self, clip: Clip) -> Observations:
        """The clip's keypoints, or those of the named detector on its images."""
        name = (
            for_video(self._ctx, "detector", self._config.asked)
            if clip.observations is None and clip.video is not None
            else "given"
        )
        return signed(self._ctx.build("detector", name, self._config.handed_on).detect(clip), name)
