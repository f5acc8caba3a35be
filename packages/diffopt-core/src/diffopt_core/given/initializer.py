"""Initializer ``given``: the camera-frame body that the clip's file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import BadInput

if TYPE_CHECKING:
    from ..types import CameraFrameBody, CameraTrajectory, Clip, Observations


class GivenBody:
    """Implements :class:`diffopt_core.interfaces.Initializer`."""

    def initialize(self, clip: Clip, observations: Observations, camera: CameraTrajectory) -> CameraFrameBody:
        """The clip's camera-frame body as it is; BadInput for a clip without one."""
        if clip.body is None:
            has_landmarks = observations.landmarks is not None
            remedy = (
                "--init landmarks makes one from its 3D landmarks" if has_landmarks else "choose one with --init NAME"
            )
            raise BadInput(clip.path or clip.name, "body", f"the clip holds no body; {remedy}")
        return clip.body
