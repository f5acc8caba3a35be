"""Files in which other programs keep ViTPose's results: 17 points of COCO, x px, y px, confidence, full image.

================================  ==============================================================================
an array (N, 17, 3), one a frame  WHAM's detections (``.npy``), GVHMR's ``vitpose.pt``, ``keypoints`` of an npz
``{id: {frame_id, keypoints}}``   WHAM's ``tracking_results.pth`` (joblib): arrays (n,), (n, 17, 3) a track
list of frames of people          mmpose 0.x ``pose_results``: ``{keypoints (17, 3), bbox, track_id}`` each
JSON with ``instances``           mmpose 1.x predictions: ``{keypoints, keypoint_scores}`` each
================================  ==============================================================================
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.common.unpickle import read_foreign
from diffopt_core.errors import BadInput
from diffopt_core.types import Clip

from ..clip_frames import check_count, check_range
from ..people import Detections, Track, boxes_of, check_keypoints, link

JOINTS = 17
EXPECTED = (
    "expected an array (N, 17, 3), WHAM's {id: {frame_id, keypoints}}, or mmpose's list of people of each frame "
    "(GVHMR: preprocess/vitpose.pt, WHAM: tracking_results.pth)"
)


def read_results(path: Path, clip: Clip) -> list[Track]:
    """Everybody in the file. Raises BadInput, naming the key, for one of another kind or of another video."""
    content = _json(path) if path.suffix.lower() == ".json" else read_foreign(path)
    if isinstance(content, Mapping) and "keypoints" in content:
        content = content["keypoints"]
    if isinstance(content, Mapping) and "instance_info" in content:
        content = content["instance_info"]
    if isinstance(content, np.ndarray) and content.dtype != object:
        points = check_keypoints(content, JOINTS, path, "keypoints")
        check_count(clip, len(points), path, "keypoints")
        return [Track("0", np.arange(len(points)), points)]
    if isinstance(content, Mapping):
        return _by_id(content, clip, path)
    if isinstance(content, list | tuple | np.ndarray):
        return _by_frame(list(content), clip, path)
    raise BadInput(path, "content", f"a {type(content).__name__}; {EXPECTED}")


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BadInput(path, "file", f"is not readable as JSON ({error})") from error


def _by_id(content: Mapping[Any, Any], clip: Clip, path: Path) -> list[Track]:
    tracks = []
    for name, person in content.items():
        if not isinstance(person, Mapping) or not {"frame_id", "keypoints"} <= set(person):
            has = ", ".join(map(str, person)) if isinstance(person, Mapping) else type(person).__name__
            raise BadInput(path, str(name), f"no track with frame_id and keypoints (it is {has}); {EXPECTED}")
        frames = np.asarray(person["frame_id"])
        points = check_keypoints(person["keypoints"], JOINTS, path, f"{name}.keypoints")
        if frames.shape != (len(points),):
            raise BadInput(path, f"{name}.frame_id", f"shape {frames.shape}, expected ({len(points)},)")
        frames = _whole(frames, path, f"{name}.frame_id")
        check_range(clip, frames, path, f"{name}.frame_id")
        order = np.argsort(frames, kind="stable")
        if (np.diff(frames[order]) == 0).any():
            raise BadInput(path, f"{name}.frame_id", "a frame comes twice in one track")
        tracks.append(Track(str(name), frames[order], points[order]))
    if not tracks:
        raise BadInput(path, "people", "the file holds no track")
    return tracks


def _whole(frames: np.ndarray, path: Path, key: str) -> np.ndarray:
    """Frame numbers as integers; some programs keep them as floats."""
    if frames.dtype.kind == "f" and np.isfinite(frames).all() and (frames == np.round(frames)).all():
        return frames.astype(np.int64)
    if frames.dtype.kind not in "iu":
        raise BadInput(path, key, f"{frames.dtype} values, expected whole numbers")
    return frames.astype(np.int64)


def _by_frame(content: list[Any], clip: Clip, path: Path) -> list[Track]:
    numbers, people = _frames(content, path)
    if any(isinstance(frame, Mapping) for frame in content):
        check_range(clip, numbers, path, "frame_id")
    else:
        check_count(clip, len(content), path, "frames")
    frames = np.repeat(numbers, [len(frame) for frame in people])
    flat = [person for frame in people for person in frame]
    if not flat:
        raise BadInput(path, "people", f"nobody is found in any of {len(content)} frames")
    points = check_keypoints(np.stack([_points(person, path) for person in flat]), JOINTS, path, "keypoints")
    names = [person.get("track_id") for person in flat]
    if any(name is None for name in names):
        seen = (points[..., 2] > 0).any(1)
        return link(Detections(frames[seen], points[seen], boxes_of(points[seen])))
    of = np.array([str(name) for name in names])
    return [_one(name, frames[of == name], points[of == name], path) for name in dict.fromkeys(of.tolist())]


def _one(name: str, frames: np.ndarray, points: np.ndarray, path: Path) -> Track:
    if len(np.unique(frames)) < len(frames):
        raise BadInput(path, "track_id", f"track {name} comes twice in one frame")
    return Track(name, frames, points)


def _frames(content: list[Any], path: Path) -> tuple[np.ndarray, list[list[Any]]]:
    """Number of each frame, and the people in it."""
    if not content:
        raise BadInput(path, "frames", "the list is empty")
    if all(isinstance(frame, Mapping) and "instances" in frame for frame in content):
        return np.array([int(f.get("frame_id", i)) for i, f in enumerate(content)]), [f["instances"] for f in content]
    if all(isinstance(frame, list | tuple | np.ndarray) for frame in content):
        return np.arange(len(content)), [list(frame) for frame in content]
    if all(isinstance(frame, Mapping) and "keypoints" in frame for frame in content):
        raise BadInput(path, "frames", "people of one image only; expected a list of such lists, one a frame")
    raise BadInput(path, "frames", f"a list of {type(content[0]).__name__}; {EXPECTED}")


def _points(person: Any, path: Path) -> np.ndarray:
    """``[17 3]`` of a person; mmpose 1.x keeps the scores apart."""
    if not isinstance(person, Mapping) or "keypoints" not in person:
        raise BadInput(path, "keypoints", "a person without keypoints")
    try:
        points = np.asarray(person["keypoints"], dtype=np.float64)
        scores = np.asarray(person.get("keypoint_scores", ()), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(path, "keypoints", f"not numbers ({error})") from error
    if points.shape == (JOINTS, 2) and scores.shape == (JOINTS,):
        points = np.concatenate([points, scores[:, None]], -1)
    if points.shape != (JOINTS, 3):
        raise BadInput(path, "keypoints", f"shape {points.shape}, expected ({JOINTS}, 3): x px, y px, confidence")
    return points
