"""Camera ``gt``: the ground-truth trajectory, for oracle runs and to separate camera errors from other errors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from diffopt_core.errors import BadInput

if TYPE_CHECKING:
    from diffopt_core.types import CameraTrajectory, Clip, Observations


class TrueCamera:
    """Implements :class:`diffopt_core.interfaces.CameraSource`."""

    def trajectory(self, clip: Clip, observations: Observations) -> CameraTrajectory:
        """World (metres, Y up) to camera, from the ground truth; ``unit`` is the metre and ``level`` True, whatever the
        file states. Raises BadInput for a clip without ground truth, or if its camera is missing or has another length.
        """
        where = clip.path or clip.name
        if clip.truth is None:
            raise BadInput(
                where, "truth", "there is no ground truth beside this clip; --camera given uses the file's own camera"
            )
        camera = clip.truth.camera
        if camera is None:
            raise BadInput(where, "truth", "the ground truth has no camera; --camera given uses the file's own camera")
        if len(camera.R) != clip.num_frames:
            raise BadInput(where, "truth", f"{len(camera.R)} cameras for {clip.num_frames} frames")

        from diffopt_core.data.window import travel_of

        return replace(camera, unit="metre", level=True, travel=travel_of(camera.R, camera.t))
