"""Detector ``openpose``: keypoints from OpenPose's files."""

from __future__ import annotations

from diffopt_core.errors import MissingResource
from diffopt_core.interfaces import BuildContext
from diffopt_core.types import Clip, Observations

from ..people import Track, choose, link, observations_of
from .config import OpenposeConfig
from .folder import read_folder


class OpenposeDetector:
    """Implements :class:`diffopt_core.interfaces.Detector`."""

    def __init__(self, config: OpenposeConfig, ctx: BuildContext | None = None):
        self._config = config

    def detect(self, clip: Clip) -> Observations:
        """Keypoints of one person, linked by the overlap of boxes. Raises BadInput for files that do not match the
        clip."""
        folder = self._config.file
        if folder is None:
            raise MissingResource(
                "detector openpose reads what OpenPose wrote: run it with --write_json FOLDER (its own installation, "
                "academic or commercial licence: github.com/CMU-Perceptual-Computing-Lab/openpose), then "
                "--detector openpose=FOLDER"
            )
        people = read_folder(folder.expanduser(), clip, self._config.first)
        tracks: list[Track] = link(people.detections) if people.tracks is None else people.tracks
        track, person = choose(tracks, clip, folder)
        return observations_of(track, clip, people.layout, {"file": str(folder), "person": person, **people.facts})
