"""Camera ``given``: the trajectory that the clip's file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import BadInput

if TYPE_CHECKING:
    from ..types import CameraTrajectory, Clip, Observations


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
