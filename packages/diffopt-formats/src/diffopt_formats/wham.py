"""WHAM: ``wham_output.pkl``, joblib, person -> arrays (yohanshin/WHAM, demo.py); and VIBE's similar file.

WHAM's ``pose`` and ``trans`` are in the camera frame, ``trans`` as SMPL's transl. ``pose_world`` has another root and
the same body. The demo writes its world with Y up, the evaluator uses Y down; the people's trunks show which one a file
uses. ``trans_world`` is read as SMPL's transl, as in WHAM's evaluator (its viewer puts the mid-hip there, about 25 cm
away). The file has no focal length: without a calibration WHAM uses the image diagonal. Its cameras follow from the
person in both frames; ``slam_results.pth`` is read by :mod:`.slam`.

VIBE: ``vibe_output.pkl``, joblib (mkocabas/VIBE, doc/demo.md). ``pred_cam`` refers to the 224 px crop; ``orig_cam``
(sx, sy, tx, ty) to the full image in normalised coordinates: x_ndc = sx (X + tx). So sx w / 2 is the scale in px per
metre, and any focal length gives SMPL's transl. The image size is not in the file but follows: sx w is the box side
times the crop's scale.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .fields import Fields, joint_rotations, same_length, shape_ten
from .tracks import Contents, Root, Track, Weak, World
from .worlds import upright


def accepts(held: Any) -> bool:
    """Whether this is the content of a WHAM file."""
    return {"pose", "trans", "pose_world"} <= _keys(held)


def accepts_vibe(held: Any) -> bool:
    """Whether this is the content of a VIBE file."""
    keys = _keys(held)
    return {"pose", "frame_ids"} <= keys and bool({"orig_cam", "pred_cam"} & keys)


def _keys(held: Any) -> set[Any]:
    first = next(iter(held.values()), None) if isinstance(held, dict) else None
    return set(first) if isinstance(first, dict) else set()


def parse(path: Path, held: Any) -> Contents:
    """WHAM's people. Raises BadInput."""
    return _by_person(path, held, _wham)


def parse_vibe(path: Path, held: Any) -> Contents:
    """VIBE's people. Raises BadInput."""
    return _by_person(path, held, _vibe)


def _by_person(path: Path, held: Any, read: Callable[[Fields, str], Track]) -> Contents:
    return Contents(tuple(read(person, tid) for tid, person in Fields(path, held).people()))


def _wham(person: Fields, tid: str) -> Track:
    rotation, trans = joint_rotations(person, "pose", 24), person.array("trans", (None, 3))
    frames = person.frames("frame_ids", "frame_id")
    count = same_length(person, frame_ids=frames, pose=rotation, trans=trans)
    world = None
    if "pose_world" in person and "trans_world" in person:
        root, path = joint_rotations(person, "pose_world", 24)[:, 0], person.array("trans_world", (None, 3))
        same_length(person, pose=rotation, pose_world=root, trans_world=path)
        note = "WHAM's world, Y up, floor set by its first frame"
        world = upright(World(Root(root, path), np.eye(3), note=note), person.path)
    return Track(
        tool="WHAM",
        id=tid,
        frames=frames,
        body_pose=rotation[:, 1:],
        betas=shape_ten(person, "betas", count),
        camera=Root(rotation[:, 0], trans),
        world=world,
    )


def _vibe(person: Fields, tid: str) -> Track:
    rotation, camera = joint_rotations(person, "pose", 24), person.array("orig_cam", (None, 4))
    betas, boxes = person.array("betas", (None, 10)), person.array("bboxes", (None, 4))
    frames = person.frames("frame_ids")
    same_length(person, frame_ids=frames, pose=rotation, betas=betas, orig_cam=camera, bboxes=boxes)
    if (camera[:, :2] <= 0).any():
        raise person.fail("orig_cam", "a scale is not positive")
    corner = boxes[:, :2] - boxes[:, 2:] / 2  # boxes are stored by their centres
    return Track(
        tool="VIBE",
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
    """Width and height of the image, px; None if the crop's camera is missing or does not agree."""
    if "pred_cam" not in person:
        return None
    crop = person.array("pred_cam", (len(camera), 3))
    sizes = (boxes[:, 3] * crop[:, 0])[:, None] / camera[:, :2]
    size = np.median(sizes, 0)
    if not ((size > 1) & (size < 1e6)).all() or np.abs(sizes / size - 1).max() > 0.01:
        return None
    return round(float(size[0])), round(float(size[1]))
