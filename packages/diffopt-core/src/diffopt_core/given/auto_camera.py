"""Camera ``auto``: the file's own camera where it holds one, else what its images say."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..config import ComponentConfig
from .choose import for_video, signed

if TYPE_CHECKING:
    from ..interfaces import BuildContext
    from ..types import CameraTrajectory, Clip, Observations


class AutoCameraConfig(ComponentConfig):
    """``video``: the camera source for clips that are images alone; None takes the one
    whose package offers it for that."""

    builds: ClassVar[str] = f"{__name__}:AutoCamera"

    video: str | None = None


class AutoCamera:
    """Implements :class:`diffopt_core.interfaces.CameraSource`. ``facts["component"]`` says whose camera it is."""

    def __init__(self, config: AutoCameraConfig, ctx: BuildContext):
        self._ctx, self._video = ctx, config.video

    def trajectory(self, clip: Clip, observations: Observations) -> CameraTrajectory:
        """The clip's camera, or that of the named source on its images."""
        name = (
            for_video(self._ctx, "camera", self._video) if clip.camera is None and clip.video is not None else "given"
        )
        return signed(self._ctx.build("camera", name).trajectory(clip, observations), name)
