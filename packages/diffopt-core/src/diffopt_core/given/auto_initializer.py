"""Initializer ``auto``: the file's own body where it holds one, else inverse kinematics from 3D landmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .choose import AutoConfig, for_video, signed

if TYPE_CHECKING:
    from ..interfaces import BuildContext
    from ..types import CameraFrameBody, CameraTrajectory, Clip, Observations


class AutoInitializerConfig(AutoConfig):
    """``landmarks``: the initializer for clips whose detector gave 3D landmarks and whose file holds no body;
    None takes the one whose package offers it for that. Other options are handed on to it."""

    builds: ClassVar[str] = f"{__name__}:AutoInitializer"

    landmarks: str | None = None


class AutoInitializer:
    """Implements :class:`diffopt_core.interfaces.Initializer`. ``facts["component"]`` says whose estimate it is."""

    def __init__(self, config: AutoInitializerConfig, ctx: BuildContext):
        self._ctx, self._config = ctx, config

    def initialize(self, clip: Clip, observations: Observations, camera: CameraTrajectory) -> CameraFrameBody:
        """The clip's body, or one from the observations' 3D landmarks; BadInput where there is neither."""
        name = (
            for_video(self._ctx, "initializer", self._config.asked)
            if clip.body is None and observations.landmarks is not None
            else "given"
        )
        found = self._ctx.build("initializer", name, self._config.handed_on)
        return signed(found.initialize(clip, observations, camera), name)
