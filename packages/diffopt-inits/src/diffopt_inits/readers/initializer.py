"""An initializer that takes the body from a result file."""

from __future__ import annotations

from dataclasses import replace

from diffopt_core.interfaces import BuildContext
from diffopt_core.types import CameraFrameBody, CameraTrajectory, Clip, Observations

from .choose import body_of
from .configs import ResultConfig
from .systems import read_tracks


class ResultInitializer:
    """Implements :class:`diffopt_core.interfaces.Initializer`. The file is read when it is wanted, and once."""

    def __init__(self, config: ResultConfig, ctx: BuildContext | None = None):
        self._system, self._file, self._smpl = config.name, config.named_file().expanduser(), config.smpl

    def initialize(self, clip: Clip, observations: Observations, camera: CameraTrajectory) -> CameraFrameBody:
        """The wanted person in the camera frame; see :func:`diffopt_inits.readers.choose.body_of`."""
        body = body_of(read_tracks(self._file, self._system), clip, self._smpl, camera, self._file)
        return replace(body, facts={"file": str(self._file), **body.facts})
