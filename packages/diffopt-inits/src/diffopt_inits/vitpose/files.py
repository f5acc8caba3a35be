"""Files of other programs with 2D keypoints: x px, y px, confidence, in the full image.

================================  ==============================================================================
an array (N, J, 3), one per frame   WHAM's detections (``.npy``), GVHMR's ``vitpose.pt``, ``keypoints`` of an npz
``keypoints``, ``scores``         (N, J, 2) and (N, J), as rtmlib gives them
``{id: {frame_id, keypoints}}``   WHAM's ``tracking_results.pth`` (joblib): arrays (n,), (n, J, 3) a track
list of frames of people          mmpose 0.x ``pose_results``: ``{keypoints (J, 3), bbox, track_id}`` each
JSON with ``instances``           mmpose 1.x and RTMPose predictions: ``{keypoints, keypoint_scores}`` each
list of people with ``image_id``  COCO's results, AlphaPose's (``idx`` is the person)
``images``, ``annotations``       COCO's annotations
================================  ==============================================================================

The layout is recognised by the number of points (:mod:`diffopt_inits.layouts`). A file of boxes has one a frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.common.documents import read_json
from diffopt_core.common.npz import read_array, read_npz
from diffopt_core.common.unpickle import read_foreign
from diffopt_core.errors import BadInput, MissingResource
from diffopt_core.types import Clip
from diffopt_formats.fields import frame_ids, numbers
from diffopt_formats.frames import Rows, numbers_in, place, rows_at, source_of
from diffopt_formats.systems import stranger

from ..layouts import in_our_layout
from ..people import Detections, Track, boxes_of, check_keypoints, link

EXPECTED = (
    "expected an array (N, 17, 3), WHAM's {id: {frame_id, keypoints}}, mmpose's list of people of each frame, or "
    "AlphaPose's and COCO's list of people with image_id (GVHMR: preprocess/vitpose.pt, WHAM: tracking_results.pth)"
)
_NAMES = ("track_id", "idx", "instance_id")


def read_boxes(path: Path, clip: Clip) -> np.ndarray:
    """Boxes ``[T 4]`` x0 y0 x1 y1, px of the full image, for the clip's frames; NaN without a person."""
    if not path.is_file():
        raise MissingResource(f"detector vitpose: file of boxes '{path}' does not exist")
    if path.suffix.lower() == ".npz":
        arrays = read_npz(path)
        if "boxes" not in arrays:
            raise BadInput(path, "boxes", f"missing; the file holds {', '.join(sorted(arrays)) or 'nothing'}")
        boxes = arrays["boxes"]
    else:
        boxes = read_array(path)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or boxes.dtype.kind not in "fiu":
        raise BadInput(path, "boxes", f"shape {boxes.shape}, expected (N, 4): x0 y0 x1 y1, px, one per frame")
    source = source_of(clip)
    frames = place(Rows(path, len(boxes), key="boxes", option="detector"), source)
    rows, found = rows_at(frames, source.wanted)
    boxes = boxes.astype(np.float64)[rows]
    there = np.isfinite(boxes).all(1) & found
    if not there.any():
        raise BadInput(path, "boxes", "has no box in the frames of this clip")
    if (boxes[there, 2:] <= boxes[there, :2]).any():
        raise BadInput(path, "boxes", "has a box without area; expected x0 y0 x1 y1 (corners, not width and height)")
    return np.where(there[:, None], boxes, np.nan)


@dataclass(frozen=True)
class _People:
    """Rows of people: ``record``: frame of each in the file; ``named``: identity of each."""

    points: list[Any]
    record: list[int]
    named: list[Any]
    frames: Rows


def read_results(path: Path, clip: Clip, first: int | None = None) -> tuple[list[Track], str]:
    """All people in the file, and their layout. ``first``: the number of the video's first frame in the file.

    Raises BadInput, naming the key, for a file of another kind or of another video.
    """
    content = read_json(path) if path.suffix.lower() == ".json" else read_foreign(path)
    if isinstance(content, Mapping) and "instance_info" in content:
        content = content["instance_info"]
    if isinstance(content, Mapping) and "annotations" in content:
        content = _annotated(content, path)
    if isinstance(content, Mapping) and "keypoints" in content:
        content = _with_scores(content)
    if isinstance(content, np.ndarray) and content.dtype != object:
        points, layout = _checked(content, path)
        return [Track("0", place(Rows(path, len(points), option="detector"), source_of(clip)), points)], layout
    if isinstance(content, Mapping):
        return _by_id(content, clip, path, first)
    if isinstance(content, list | tuple | np.ndarray):
        return _tracks(_listed(list(content), path), clip, path, first)
    raise BadInput(path, "content", f"a {type(content).__name__}; {EXPECTED}")


def _checked(points: Any, path: Path, key: str = "keypoints") -> tuple[np.ndarray, str]:
    found = np.asarray(points)
    if found.ndim != 3 or found.shape[2] != 3:
        raise BadInput(path, key, f"shape {found.shape}, expected (people or frames, 17, 3): x px, y px, confidence")
    return in_our_layout(check_keypoints(found, found.shape[1], path, key), path, key)


def _with_scores(content: Mapping[Any, Any]) -> Any:
    """Keypoints joined with separate scores; unchanged without scores."""
    points = content["keypoints"]
    scores = next((content[key] for key in ("keypoint_scores", "scores", "confidence") if key in content), None)
    if (
        scores is not None
        and np.ndim(points) == 3
        and np.shape(points)[2] == 2
        and np.shape(points)[:2] == np.shape(scores)
    ):
        return np.concatenate([np.asarray(points), np.asarray(scores)[..., None]], 2)
    return points


def _annotated(content: Mapping[Any, Any], path: Path) -> list[Any]:
    """COCO's annotations with the names of their images; visibility 0, 1 or 2 as confidence 0, 0.5 or 1."""
    images, people = content.get("images", []), content["annotations"]
    if not isinstance(people, list) or not isinstance(images, list):
        raise BadInput(path, "annotations", f"is not a list of people; {EXPECTED}")
    names = {image.get("id"): image.get("file_name") for image in images if isinstance(image, Mapping)}
    out = []
    for person in people:
        if isinstance(person, Mapping) and "keypoints" in person:
            points = numbers(path, "annotations.keypoints", person["keypoints"], (None,))
            if len(points) % 3 == 0 and set(points[2::3].tolist()) <= {0.0, 1.0, 2.0}:
                points[2::3] /= 2
            name = names.get(person.get("image_id")) or person.get("image_id")
            out.append({**person, "keypoints": points, "image_id": name})
    return out


def _by_id(content: Mapping[Any, Any], clip: Clip, path: Path, first: int | None) -> tuple[list[Track], str]:
    people = []
    for name, person in content.items():
        if not isinstance(person, Mapping) or not {"frame_id", "keypoints"} <= set(person):
            has = ", ".join(map(str, person)) if isinstance(person, Mapping) else type(person).__name__
            said = stranger(content) or f"no track with frame_id and keypoints (it is {has}); {EXPECTED}"
            raise BadInput(path, str(name), said)
        order = np.argsort(np.asarray(person["frame_id"]).ravel(), kind="stable")
        frames = frame_ids(path, f"{name}.frame_id", np.asarray(person["frame_id"]).ravel()[order])
        points, layout = _checked(person["keypoints"], path, f"{name}.keypoints")
        if len(frames) != len(points):
            raise BadInput(path, f"{name}.frame_id", f"{len(frames)} frames for {len(points)} rows of keypoints")
        people.append((str(name), frames, points[order]))
    if not people:
        raise BadInput(path, "people", "the file has no track")
    every = np.unique(np.concatenate([frames for _, frames, _ in people]))
    rows = Rows(path, len(every), numbers=every, base=0, key="frame_id", option="detector")  # as in WHAM
    placed = _placed(rows, clip, first)
    return [Track(name, placed[np.searchsorted(every, frames)], points) for name, frames, points in people], layout


def _placed(rows: Rows, clip: Clip, first: int | None) -> np.ndarray:
    return place(rows, source_of(clip), first=first)


def _listed(content: list[Any], path: Path) -> _People:
    """People of a list of frames, or of a list of people with image ids."""
    if not content:
        raise BadInput(path, "frames", "the list is empty")
    if all(isinstance(one, Mapping) and "image_id" in one and "keypoints" in one for one in content):
        images = list(dict.fromkeys(str(one["image_id"]) for one in content))
        found = numbers_in(Rows(path, len(images), key="image_id"), tuple(images))
        order = {images[i]: at for at, i in enumerate(np.argsort(found, kind="stable").tolist())}
        rows = Rows(path, len(images), tuple(sorted(images, key=order.__getitem__)), numbers=np.sort(found),
                    key="image_id", option="detector")  # fmt: skip
        return _People(content, [order[str(one["image_id"])] for one in content], _who(content), rows)
    if all(isinstance(frame, Mapping) and "instances" in frame for frame in content):
        people = [list(frame["instances"]) for frame in content]
        ids = frame_ids(path, "frame_id", [frame.get("frame_id", i) for i, frame in enumerate(content)])
        rows = Rows(path, len(content), numbers=ids, key="frame_id", option="detector")
    elif all(isinstance(frame, list | tuple | np.ndarray) for frame in content):
        people, rows = [list(frame) for frame in content], Rows(path, len(content), option="detector")
    elif all(isinstance(frame, Mapping) and "keypoints" in frame for frame in content):
        raise BadInput(path, "frames", "people of one image only; expected a list of such lists, one per frame")
    else:
        raise BadInput(path, "frames", stranger(content) or f"a list of {type(content[0]).__name__}; {EXPECTED}")
    flat = [person for frame in people for person in frame]
    return _People(flat, np.repeat(np.arange(len(people)), [len(frame) for frame in people]).tolist(), _who(flat), rows)


def _who(people: list[Any]) -> list[Any]:
    """Identity of each person, from the key that names people; None without such a key."""
    found = []
    for person in people:
        named = person if isinstance(person, Mapping) else {}
        found.append(next((named[key] for key in _NAMES if isinstance(named.get(key), int | float | str)), None))
    return [None if name is None else str(int(name) if isinstance(name, float) else name) for name in found]


def _tracks(people: _People, clip: Clip, path: Path, first: int | None) -> tuple[list[Track], str]:
    if not people.points:
        raise BadInput(path, "people", f"none of the {people.frames.count} frames has a person")
    placed = _placed(people.frames, clip, first)
    rows = [_points(person, path) for person in people.points]
    if len({len(row) for row in rows}) > 1:
        raise BadInput(path, "keypoints", "people with different numbers of points")
    points, layout = _checked(np.stack(rows), path)
    order = np.argsort(people.record, kind="stable")
    frames, points, names = placed[np.array(people.record)[order]], points[order], [people.named[i] for i in order]
    pairs = list(zip(frames.tolist(), names, strict=True))
    if any(name is None for name in names):
        seen = (points[..., 2] > 0).any(1)
        return link(Detections(frames[seen], points[seen], boxes_of(points[seen]))), layout
    if len(set(pairs)) < len(pairs):
        raise BadInput(path, "track_id", "a track occurs twice in one frame")
    of = np.array(names)
    return [Track(str(name), frames[of == name], points[of == name]) for name in dict.fromkeys(names)], layout


def _points(person: Any, path: Path) -> np.ndarray:
    """``[J 3]`` of a person; mmpose 1.x has separate scores, COCO's and AlphaPose's rows are flat."""
    if not isinstance(person, Mapping) or "keypoints" not in person:
        raise BadInput(path, "keypoints", "a person without keypoints")
    points = numbers(path, "keypoints", person["keypoints"], (None, 3), (None, 2), (None,), finite=False)
    if points.ndim == 1 and len(points) % 3 == 0:
        points = points.reshape(-1, 3)
    if points.ndim == 2 and points.shape[1] == 2 and "keypoint_scores" in person:
        scores = numbers(path, "keypoint_scores", person["keypoint_scores"], (len(points),), finite=False)
        points = np.concatenate([points, scores[:, None]], -1)
    if points.ndim != 2 or points.shape[1] != 3:
        raise BadInput(path, "keypoints", f"shape {points.shape}, expected (17, 3): x px, y px, confidence")
    return points
