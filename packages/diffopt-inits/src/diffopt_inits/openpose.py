"""Detector ``openpose``: a folder of OpenPose's JSON files, one per frame; or, as in SLAHMR, a folder of such folders,
one per track.

Keys of a file: ``people``, a list of ``{"pose_keypoints_2d": [x, y, confidence, ...]}`` (px of the full image, zeros
for what was not found; OpenPose 1.0 wrote ``pose_keypoints``). 25 points are BODY_25, 18 are COCO.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.common.documents import read_json
from diffopt_core.common.progress import track as progress
from diffopt_core.errors import BadInput, MissingResource
from diffopt_core.interfaces import BuildContext
from diffopt_core.types import Clip, Observations
from diffopt_formats.frames import Rows, place, source_of

from .detectors import OpenposeConfig
from .layouts import in_our_layout
from .people import Detections, Track, boxes_of, check_keypoints, choose, link, observations_of

_log = logging.getLogger(__name__)
SUFFIX = "_keypoints.json"
_COUNTS = (25, 18)
_KEYS = ("pose_keypoints_2d", "pose_keypoints")


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


@dataclass(frozen=True)
class People:
    """People in a folder; ``tracks`` if the folder identifies them."""

    detections: Detections
    layout: str
    tracks: list[Track] | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def read_folder(folder: Path, clip: Clip, first: int | None = None) -> People:
    """All people in the files. Frames without a file, or without people in it, are gaps.

    ``first``: the number of the video's first frame in the names. Raises BadInput naming the file and key,
    MissingResource if the folder does not exist.
    """
    if not folder.exists():
        raise MissingResource(f"folder '{folder}' does not exist; name OpenPose's --write_json folder")
    if not folder.is_dir():
        raise BadInput(folder, "folder", f"expected a folder of *{SUFFIX}, one per frame (OpenPose's --write_json)")
    own = sorted(path for path in folder.glob(f"*{SUFFIX}") if not path.name.startswith("."))
    parts = {path.parent for path in folder.glob(f"*/*{SUFFIX}")}
    if not own and parts:
        return _tracks(sorted(parts), folder, clip, first)
    if not own:
        raise BadInput(folder, "folder", f"holds no *{SUFFIX}; expected OpenPose's --write_json folder")
    numbers = _numbers(own, folder)
    order = np.argsort(numbers, kind="stable")
    own, numbers = [own[i] for i in order], numbers[order]
    placed, total = _placed(numbers, folder, clip, first), source_of(clip).total
    frames, points, layout = _read(own, placed, folder)
    facts: dict[str, Any] = {"first_frame": int(numbers[0] - placed[0])}
    absent = sorted(set(range(total)) - set(placed.tolist()))
    if absent:
        _log.warning("%s: no file for %d of %d frames; these are gaps", folder, len(absent), total)
        facts["frames_without_file"] = len(absent)
    return People(Detections(frames, points, boxes_of(points)), layout, facts=facts)


def _tracks(folders: list[Path], folder: Path, clip: Clip, first: int | None) -> People:
    """One folder per person, as in SLAHMR's ``track_preds/SEQUENCE``; its images count from 1."""
    files = [sorted(part.glob(f"*{SUFFIX}")) for part in folders]
    numbers = [_numbers(paths, part) for paths, part in zip(files, folders, strict=True)]
    every = np.unique(np.concatenate(numbers))
    placed = _placed(every, folder, clip, first, base=1 if every[0] > 0 else 0)
    tracks, layouts = [], set()
    for part, paths, number in zip(folders, files, numbers, strict=True):
        frames, points, layout = _read(paths, placed[np.searchsorted(every, number)], part)
        if len(np.unique(frames)) < len(frames):
            raise BadInput(part, "people", "has more than one person; expected one, as the folder is one track")
        tracks.append(Track(part.name, frames, points))
        layouts.add(layout)
    if len(layouts) > 1:
        raise BadInput(folder, "people", f"tracks of different layouts: {', '.join(sorted(layouts))}")
    none = np.empty((0, 1, 3))
    facts = {"first_frame": int(every[0] - placed[0])}
    return People(Detections(np.empty(0, int), none, np.empty((0, 4))), layouts.pop(), tracks, facts)


def _numbers(paths: list[Path], folder: Path) -> np.ndarray:
    """The frame number in each name: its last run of digits before the ending."""
    found = [re.search(r"(\d+)\D*$", path.name.removesuffix(SUFFIX)) for path in paths]
    if None in found:
        raise BadInput(
            paths[found.index(None)], "name", f"has no frame number; expected a name such as 000000000012{SUFFIX}"
        )
    numbers = np.array([int(match[1]) for match in found if match])
    if len(np.unique(numbers)) < len(numbers):
        raise BadInput(
            folder, "names", "two files have the same frame number; keep the files of each video in a separate folder"
        )
    return numbers


def _placed(numbers: np.ndarray, folder: Path, clip: Clip, first: int | None, base: int | None = None) -> np.ndarray:
    """Frame of the video for each of the increasing numbers."""
    rows = Rows(folder, len(numbers), numbers=numbers, base=base, key="names", option="detector")
    return place(rows, source_of(clip), first=first)


def _read(paths: list[Path], frames: np.ndarray, folder: Path) -> tuple[np.ndarray, np.ndarray, str]:
    """Frame of each person, keypoints ``[n J 3]`` in our layout, and its name."""
    rows: list[list[float]] = []
    of: list[int] = []
    size: int | None = None
    with progress(f"reading {folder.name}", len(paths)) as update:
        for done, index in enumerate(np.argsort(frames, kind="stable"), 1):
            for person in _people(paths[index]):
                size = size or len(person)
                if len(person) != size:
                    raise BadInput(paths[index], _KEYS[0], f"{len(person) // 3} points, {size // 3} in earlier files")
                rows.append(person)
                of.append(int(frames[index]))
            update(done)
    if size is None:
        raise BadInput(folder, "people", f"none of the {len(paths)} files has a person")
    points = check_keypoints(np.array(rows).reshape(len(rows), -1, 3), size // 3, folder, _KEYS[0])
    points, layout = in_our_layout(points, folder)
    kept = (points[..., 2] > 0).any(1)
    return np.array(of)[kept], points[kept], layout


def _people(path: Path) -> list[list[float]]:
    """The numbers of each person in a file."""
    content = read_json(path)
    people = content.get("people") if isinstance(content, dict) else None
    if not isinstance(people, list):
        raise BadInput(path, "people", "is missing; expected a list of people, as OpenPose writes it")
    found = []
    for person in people:
        key = next((key for key in _KEYS if isinstance(person, dict) and key in person), None)
        if key is None:
            raise BadInput(path, _KEYS[0], "missing")
        values = person[key]
        if not isinstance(values, list) or len(values) // 3 not in _COUNTS or len(values) % 3:
            what = f"{len(values)} numbers" if isinstance(values, list) else type(values).__name__
            raise BadInput(path, key, f"{what}; expected 75 (BODY_25) or 54 (COCO)")
        if not all(isinstance(value, int | float) for value in values):
            raise BadInput(path, key, "has values that are not numbers")
        found.append([float(value) for value in values])
    return found
