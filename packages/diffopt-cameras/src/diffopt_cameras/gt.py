"""Camera ``gt``: the true trajectory, for oracle runs and for telling camera errors from the others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from diffopt_core.errors import BadInput

if TYPE_CHECKING:
    from diffopt_core.types import CameraTrajectory, Clip, Observations


class TrueCamera:
    """Implements :class:`diffopt_core.interfaces.CameraSource`."""

    def trajectory(self, clip: Clip, observations: Observations) -> CameraTrajectory:
        """World (metres, Y up) to camera, the truth's; ``unit`` is the metre and ``level`` True whatever the file says.

        Raises BadInput for a clip without a truth, without a camera in it, or with one of another length.
        """
        where = clip.path or clip.name
        if clip.truth is None:
            raise BadInput(where, "truth", "no truth lies beside this clip; --camera given uses the file's own camera")
        camera = clip.truth.camera
        if camera is None:
            raise BadInput(where, "truth", "the truth holds no camera; --camera given uses the file's own camera")
        if len(camera.R) != clip.num_frames:
            raise BadInput(where, "truth", f"{len(camera.R)} cameras for {clip.num_frames} frames")

        from diffopt_core.data.window import travel_of

        return replace(camera, unit="metre", level=True, travel=travel_of(camera.R, camera.t))
