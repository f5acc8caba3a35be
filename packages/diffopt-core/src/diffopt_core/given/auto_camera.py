"""Camera ``auto``: the file's own camera where it holds one, else what its images say."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .choose import AutoConfig, for_video, signed

if TYPE_CHECKING:
    from ..interfaces import BuildContext
    from ..types import CameraTrajectory, Clip, Observations


class AutoCameraConfig(AutoConfig):
    """``video``: the camera source for clips that are images alone; None takes the one
    whose package offers it for that. Other options are handed on to it."""

    builds: ClassVar[str] = f"{__name__}:AutoCamera"

    video: str | None = None


class AutoCamera:
    """Implements :class:`diffopt_core.interfaces.CameraSource`. ``facts["component"]`` says whose camera it is."""

    def __init__(self, config: AutoCameraConfig, ctx: BuildContext):
        self._ctx, self._config = ctx, config

    def trajectory(self, clip: Clip, observations: Observations) -> CameraTrajectory:
        """The clip's camera, or that of the named source on its images."""
        name = (
            for_video(self._ctx, "camera", self._config.asked)
            if clip.camera is None and clip.video is not None
            else "given"
        )
        return signed(self._ctx.build("camera", name, self._config.handed_on).trajectory(clip, observations), name)
