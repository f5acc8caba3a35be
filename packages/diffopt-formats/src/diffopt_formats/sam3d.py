"""SAM 3D Body: the output of its estimator for each person of an image (facebookresearch/sam-3d-body).

The tool defines no file format. Supported are a list over frames (or a mapping from frame number or image name) of
lists of people, the arrays of one person stacked over frames, and one person; the same as JSON; and ``mhr_params.pt``
of nvidia-isaac/video_to_data, whose points are already in the camera frame. ``pred_keypoints_3d``: 70 points, m, in
camera axes about the model's own origin; adding ``pred_cam_t``, m, puts them in the camera frame; ``focal_length``: px
of the image. The body model is MHR, whose parameters are not SMPL's: only the points are used.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.common.documents import read_json
from diffopt_core.common.unpickle import read_foreign
from diffopt_core.errors import BadInput, reading

from .fields import Fields, is_text

NUM_POINTS = 70
#: Which of the 70 points correspond to BlazePose's 33 (names as in the tool's table). Each eye is also used for its
#: corners; the mouth has no counterpart.
POINTS: dict[str, int] = {
    "nose": 0, "left_eye": 1, "right_eye": 2, "left_ear": 3, "right_ear": 4, "left_shoulder": 5, "right_shoulder": 6,
    "left_elbow": 7, "right_elbow": 8, "left_hip": 9, "right_hip": 10, "left_knee": 11, "right_knee": 12,
    "left_ankle": 13, "right_ankle": 14, "left_foot_index": 15, "left_heel": 17, "right_foot_index": 18,
    "right_heel": 20, "right_thumb": 23, "right_index": 28, "right_pinky": 40, "right_wrist": 41, "left_thumb": 44,
    "left_index": 49, "left_pinky": 61, "left_wrist": 62,
}  # fmt: skip
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Points:
    """``points``: in the camera frame, m. ``focal``: px, if the file has it."""

    frames: np.ndarray  # N
    points: np.ndarray  # N 70 3
    focal: np.ndarray | None  # N
    people: int
    total: int


def read(path: Path) -> Points:
    """The largest person of each frame. Raises BadInput."""
    with reading(path):
        return _read(path, read_json(path) if is_text(path) else read_foreign(path))


def _read(path: Path, held: Any) -> Points:
    if isinstance(held, Mapping) and set(held) == {"output"}:
        held = held["output"]
    if isinstance(held, Mapping) and "pred_keypoints_3d" in held:
        return _stacked(Fields(path, held))
    frames, most = [], 0
    for number, people in _by_frame(path, held):
        most = max(most, len(people))
        found = [_person(Fields(path, one, f"frame {number}.{i}")) for i, one in enumerate(people)]
        if found:
            frames.append((number, *max(found, key=lambda one: one[2])[:2]))
    if not frames:
        raise BadInput(path, "content", "contains no person with pred_keypoints_3d")
    if most > 1:
        _log.warning(
            f"{path}: up to {most} people per frame and no track ids: the largest person of each frame is used"
        )
    numbers, points, focal = (np.array(column) for column in zip(*frames, strict=True))
    return Points(numbers, points, None if np.isnan(focal).any() else focal, most, _total(held, numbers))


def _total(held: Any, numbers: np.ndarray) -> int:
    return len(held) if isinstance(held, list) else int(numbers.max()) + 1


def _by_frame(path: Path, held: Any) -> list[tuple[int, list[Any]]]:
    if isinstance(held, np.ndarray) and held.dtype == object:
        held = held.tolist()
    if isinstance(held, Mapping):
        numbered = []
        for order, (key, people) in enumerate(held.items()):
            digits = re.findall(r"\d+", Path(str(key)).stem)
            numbered.append((int(digits[-1]) if digits else order, people))
    elif isinstance(held, list):
        # a plain list of people belongs to one image
        one = bool(held) and all(isinstance(person, Mapping) and "bbox" in person for person in held)
        several = one and len({int(p["frame_idx"]) for p in held if "frame_idx" in p}) > 1
        numbered = [(int(p["frame_idx"]), p) for p in held] if several else list(enumerate(held))
    else:
        raise BadInput(path, "content", f"expected people by frame, found {type(held).__name__}")
    numbered.sort(key=lambda pair: pair[0])
    if len({number for number, _ in numbered}) < len(numbered):
        raise BadInput(path, "frames", "a frame occurs twice")
    return [(n, [p] if isinstance(p, Mapping) else list(p) if p is not None else []) for n, p in numbered]


def _person(person: Fields) -> tuple[np.ndarray, float, float]:
    """Points in the camera frame, focal length (NaN if missing), size in the image."""
    points, place = person.array("pred_keypoints_3d", (NUM_POINTS, 3), (None, 3)), person.array("pred_cam_t", (3,))
    if len(points) < NUM_POINTS:
        raise person.fail("pred_keypoints_3d", f"{len(points)} points, expected {NUM_POINTS}")
    focal = float(person.array("focal_length", ())) if "focal_length" in person else float("nan")
    box = person.array("bbox", (4,)) if "bbox" in person else None
    area = float(np.prod(box[2:] - box[:2])) if box is not None else 1.0 / float(place[2]) ** 2
    return points[:NUM_POINTS] + place, focal, area


def _stacked(whole: Fields) -> Points:
    points = whole.array("pred_keypoints_3d", (None, NUM_POINTS, 3), (NUM_POINTS, 3)).reshape(-1, NUM_POINTS, 3)
    place = whole.array("pred_cam_t", (None, 3), (3,)).reshape(-1, 3)
    carried = _carried(whole, place)
    if carried and "focal_length" not in whole:
        problem = "is missing: of several calibrated views (mhr_params_mv.pt), in their rig's world; give the "
        raise whole.fail("focal_length", f"{problem}mhr_params.pt of one camera")
    if len(points) != len(place):
        raise whole.fail("pred_cam_t", f"has {len(place)} frames where pred_keypoints_3d has {len(points)}: truncated?")
    keys = ("frame_idx", "frames", "frame")
    frames = whole.frames(*keys) if any(key in whole for key in keys) else np.arange(len(points))
    focal = whole.array("focal_length", (len(points),), ()) if "focal_length" in whole else None
    focal = None if focal is None else np.broadcast_to(focal, len(points))
    return Points(frames, points if carried else points + place[:, None], focal, 1, int(frames.max()) + 1)


def _carried(whole: Fields, place: np.ndarray) -> bool:
    """Whether the points are in the camera already: video_to_data adds the place to them and says so in MHR's own
    parameters, decimetres with y up and z backward. The estimator leaves those at zero."""
    if "mhr_model_params" not in whole or not place.any():
        return False
    moved = whole.array("mhr_model_params", (None, None), (None,)).reshape(len(place), -1)[:, :3]
    return bool(np.abs(moved * [0.1, -0.1, -0.1] - place).max() < 1e-3 * np.abs(place).max())
