"""Camera source ``static``: a fixed camera, checked on the images."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from diffopt_core.errors import BadInput
from diffopt_core.interfaces import BuildContext
from diffopt_core.types import CameraTrajectory, Clip, Observations

from .assemble import assemble, standing
from .configs import StaticCameraConfig
from .evidence import look, stillness
from .focal import choose
from .lines import find_lines
from .tracks import Following
from .upright import upright

_log = logging.getLogger(__name__)
_FEWEST = 10
#: px at 960: background flow at which the camera is clearly not static.
_REFUSE = 3.0


class StaticCamera:
    """Implements :class:`diffopt_core.interfaces.CameraSource`."""

    def __init__(self, config: StaticCameraConfig, ctx: BuildContext | None = None):
        self._config = config

    def trajectory(self, clip: Clip, observations: Observations) -> CameraTrajectory:
        """``R`` = 1 and ``t`` = 0 (in metres: nothing moves, so no scale is unknown). Raises BadInput if the images
        show that the camera moves."""
        found = [] if clip.video is None else find_lines(clip, observations)
        focal, _ = choose(clip, observations, found)
        if not focal.sure:
            _log.warning("camera: focal length %s; --focal sets it", focal.said)
        facts = {"source": "static", "model": "static", "focal": focal.facts()}
        facts["evidence"] = self._check(clip, observations, focal.pixels)
        R, t = standing(clip.num_frames)
        pixels = np.full(clip.num_frames, focal.pixels)
        lines = upright(found, observations, R, pixels, focal.spread or 0.0)
        return assemble(clip, R, t, np.ones(clip.num_frames, bool), focal, "stands", facts, lines=lines)

    def _check(self, clip: Clip, observations: Observations, focal: float) -> dict[str, Any]:
        config = self._config
        if clip.video is None:
            return {"checked": False, "why": "the clip has no images"}
        seen = look(clip, observations, Following(target=300, longest=config.longest))
        if seen.points < _FEWEST and clip.num_frames > 1:
            why = f"{seen.points:.0f} points per frame can be tracked on the background"
            _log.warning("camera: static as requested; this could not be checked (%s)", why)
            return {"checked": False, "why": why, **seen.facts}
        found = stillness(seen.tracks, clip.fps, focal)
        worst = max(found.flow, found.drift)
        said = f"the background moves by {found.flow:.1f} px (at 960), {found.drift:.1f} px over the clip"
        if worst > _REFUSE and not config.force:
            raise BadInput(
                clip.path or clip.name, "camera",
                f"--camera static, but {said}; --camera auto estimates the path, --set camera.force=true keeps static",
            )  # fmt: skip
        if worst > config.still:
            _log.warning("camera: static as requested, but %s", said)
        return {"checked": True, "forced": worst > _REFUSE, **found.facts(), **seen.facts}
