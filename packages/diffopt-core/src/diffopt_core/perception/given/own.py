"""The evidence that the clip's file holds, as detector, camera source and initializer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import BadInput

if TYPE_CHECKING:
    from ...types import CameraFrameBody, CameraTrajectory, Clip, Observations


class GivenDetector:
    """Implements :class:`diffopt_core.interfaces.Detector`."""

    def detect(self, clip: Clip) -> Observations:
        """The clip's keypoints as they are; BadInput for a clip without any."""
        if clip.observations is None:
            raise BadInput(
                clip.path or clip.name, "keypoints", "the clip holds none; choose a detector (--detector NAME)"
            )
        return clip.observations


class GivenCamera:
    """Implements :class:`diffopt_core.interfaces.CameraSource`."""

    def trajectory(self, clip: Clip, observations: Observations) -> CameraTrajectory:
        """The clip's camera as it is: in its own world and unit (``metric`` says whether that is the metre).

        Raises BadInput for a clip without a camera, or with one that does not cover its frames.
        """
        camera = clip.camera
        if camera is None:
            knows = clip.truth is not None and clip.truth.camera is not None
            remedy = "its truth does: --camera gt uses that one" if knows else "choose a source that estimates one"
            raise BadInput(clip.path or clip.name, "camera", f"the clip holds no camera; {remedy} (--camera NAME)")
        if len(camera.R) != clip.num_frames:
            problem = f"{len(camera.R)} cameras for {clip.num_frames} frames"
            raise BadInput(clip.path or clip.name, "camera", problem)
        return camera


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
