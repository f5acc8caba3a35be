"""VIBE: ``vibe_output.pkl``, joblib, track id -> arrays (mkocabas/VIBE, doc/demo.md).

``pred_cam`` is of the 224 px crop; ``orig_cam`` (sx, sy, tx, ty) is of the whole image in normalised coordinates:
x_ndc = sx (X + tx). So sx w / 2 is the scale in px a metre, and any focal length gives SMPL's transl. The size of
the image is not in the file, but follows: sx w is the box's side times the crop's scale.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .fields import Fields, matrices, same_length
from .tracks import Track, Weak

TOOL = "VIBE"


def accepts(held: Any) -> bool:
    """Whether this is the content of such a file."""
    first = next(iter(held.values()), None) if isinstance(held, dict) else None
    return (
        isinstance(first, dict) and {"pose", "frame_ids"} <= set(first) and bool({"orig_cam", "pred_cam"} & set(first))
    )


def parse(path: Path, held: Any) -> tuple[Track, ...]:
    """The tracks of what a file holds. Raises BadInput."""
    return tuple(_track(person, tid) for tid, person in Fields(path, held).people())


def _track(person: Fields, tid: str) -> Track:
    pose, camera = person.array("pose", (None, 72)), person.array("orig_cam", (None, 4))
    betas, boxes = person.array("betas", (None, 10)), person.array("bboxes", (None, 4))
    frames = person.frames("frame_ids")
    same_length(person, frame_ids=frames, pose=pose, betas=betas, orig_cam=camera, bboxes=boxes)
    if (camera[:, :2] <= 0).any():
        raise person.fail("orig_cam", "a scale is not positive")
    rotation = matrices(pose.reshape(-1, 24, 3))
    corner = boxes[:, :2] - boxes[:, 2:] / 2  # they are given by their centres
    return Track(
        tool=TOOL,
        id=tid,
        frames=frames,
        orient=rotation[:, 0],
        body_pose=rotation[:, 1:],
        betas=betas,
        weak=Weak(camera[:, 0], camera[:, 2:], normalised=True),
        size=_size(person, camera, boxes),
        boxes=np.concatenate([corner, boxes[:, 2:]], 1),
    )


def _size(person: Fields, camera: np.ndarray, boxes: np.ndarray) -> tuple[int, int] | None:
    """Width and height of the image, px; None where the crop's camera is not there or does not agree."""
    if "pred_cam" not in person:
        return None
    crop = person.array("pred_cam", (len(camera), 3))
    sizes = (boxes[:, 3] * crop[:, 0])[:, None] / camera[:, :2]
    size = np.median(sizes, 0)
    if np.abs(sizes / size - 1).max() > 0.01:
        return None
    return round(float(size[0])), round(float(size[1]))
