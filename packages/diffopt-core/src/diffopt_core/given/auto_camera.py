"""Camera ``auto``: the file's own camera where it holds one, else what its images say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config import ComponentConfig
from .choose import build_named, signed

if TYPE_CHECKING:
    from ..interfaces import BuildContext
    from ..types import CameraTrajectory, Clip, Observations


class AutoCameraConfig(ComponentConfig):
    """``video``: the camera source for clips that are images alone."""

    video: str = "klt"

    def build(self, ctx: BuildContext) -> AutoCamera:
        return AutoCamera(ctx, self.video)


class AutoCamera:
    """Implements :class:`diffopt_core.interfaces.CameraSource`. ``facts["component"]`` says whose camera it is."""

    def __init__(self, ctx: BuildContext, video: str):
        self._ctx, self._video = ctx, video

    def trajectory(self, clip: Clip, observations: Observations) -> CameraTrajectory:
        """The clip's camera, or that of the named source on its images."""
        name = self._video if clip.camera is None and clip.video is not None else "given"
        return signed(build_named(self._ctx, "camera", name, {}).trajectory(clip, observations), name)
