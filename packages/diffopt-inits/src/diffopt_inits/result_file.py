"""An initializer whose answer lies in another system's result file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from diffopt_core.types import CameraFrameBody, CameraTrajectory, Clip, Observations

from .readers.choose import body_of
from .readers.tracks import Track


class ResultFile:
    """Implements :class:`diffopt_core.interfaces.Initializer`. ``read``: the file's tracks."""

    def __init__(self, file: Path, read: Callable[[Path], Sequence[Track]], smpl: Path | None):
        self._file, self._read, self._smpl = file, read, smpl

    def initialize(self, clip: Clip, observations: Observations, camera: CameraTrajectory) -> CameraFrameBody:
        """The person of the clip in the file. Raises BadInput or MissingResource for a file that cannot serve."""
        body = body_of(self._read(self._file), clip, self._smpl, camera, self._file)
        return replace(body, facts={"file": str(self._file), **body.facts})
