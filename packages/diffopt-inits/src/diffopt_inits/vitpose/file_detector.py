"""Detector ``vitpose`` with a result file."""

from __future__ import annotations

from diffopt_core.errors import MissingResource
from diffopt_core.interfaces import BuildContext
from diffopt_core.types import Clip, Observations

from ..openpose.folder import read_folder
from ..people import choose, link, observations_of
from .config import VitposeConfig
from .files import read_results


class VitposeFileDetector:
    """Implements :class:`diffopt_core.interfaces.Detector`."""

    def __init__(self, config: VitposeConfig, ctx: BuildContext | None = None):
        assert config.file is not None
        self._file, self._first = config.file.expanduser(), config.first

    def detect(self, clip: Clip) -> Observations:
        """Keypoints of one person in the file. Raises BadInput for a file that does not match the clip."""
        if not self._file.exists():
            raise MissingResource(f"detector vitpose: file '{self._file}' does not exist")
        facts: dict[str, object] = {"file": str(self._file)}
        if self._file.is_dir():
            people = read_folder(self._file, clip, self._first)
            tracks = people.tracks if people.tracks is not None else link(people.detections)
            layout, facts = people.layout, facts | people.facts
        else:
            tracks, layout = read_results(self._file, clip, self._first)
        track, person = choose(tracks, clip, self._file)
        return observations_of(track, clip, layout, {**facts, "person": person})
