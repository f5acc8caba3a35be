"""PromptHMR: ``results.pkl``, joblib (yufu-wang/PromptHMR, pipeline/pipeline.py and world.py).

SMPL-X, 55 joints: the root, 21 of the body, then face and fingers, which are left out. ``smplx_cam`` is in the camera
frame, ``smplx_world`` with Y up; trans is SMPL-X's transl in both. ``camera_world`` holds both directions: ``Rcw``,
``Tcw`` are world to camera. Focal length and centre are of the images that the tool worked on (at most 896 px high).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .fields import SHARED, Fields, body_rotations, matrices, rotations, same_length, shape_ten
from .frames import upright
from .tracks import Root, Track, World

TOOL = "PromptHMR"


def accepts(held: Any) -> bool:
    """Whether this is the content of such a file."""
    return isinstance(held, dict) and "people" in held and ("camera" in held or "camera_world" in held)


def parse(path: Path, held: Any) -> tuple[Track, ...]:
    """The tracks of what a file holds. Raises BadInput."""
    whole = Fields(path, held)
    people = whole.sub("people").people()
    cameras = whole.sub("camera_world") if "camera_world" in whole else None
    focal = cameras or (whole.sub("camera") if "camera" in whole else None)
    return tuple(_track(one, key, cameras, focal) for key, one in people)


def _track(person: Fields, key: str, cameras: Fields | None, focal: Fields | None) -> Track:
    frames = person.frames("frames")
    inside = person.sub("smplx_cam")
    pose, trans = _pose(inside), inside.array("trans", (None, 3), (None, 1, 3)).reshape(-1, 3)
    count = same_length(inside, frames=frames, rotmat=pose, trans=trans)
    world, total = _world(person, cameras, frames)
    centre = None if focal is None or "img_center" not in focal else focal.array("img_center", (2,))
    return Track(
        tool=TOOL,
        id=str(person.held.get("track_id", key)),
        frames=frames,
        total=total,
        body_pose=body_rotations(pose[:, 1:]),
        betas=_shape(inside, count),
        betas_of="smplx",
        camera=Root(pose[:, 0], trans),
        world=world,
        boxes=_boxes(person, count),
        focal=None if focal is None or "img_focal" not in focal else float(focal.array("img_focal", ())),
        centre=None if centre is None else (float(centre[0]), float(centre[1])),
        size=None if centre is None else (round(2 * float(centre[0])), round(2 * float(centre[1]))),
    )


def _pose(params: Fields) -> np.ndarray:
    """Root and body ``[N 22 3 3]``."""
    if "rotmat" in params:
        R = params.array("rotmat", (None, 55, 3, 3), (None, 22, 3, 3))
        return rotations(params.path, params.name("rotmat"), R[:, : 1 + SHARED])
    pose = params.array("pose", (None, 165), (None, 66), (None, 55, 3))
    return matrices(pose.reshape(len(pose), -1, 3)[:, : 1 + SHARED])


def _shape(params: Fields, count: int) -> np.ndarray:
    """``[count 10]``; the two frames of reference have each their own."""
    return shape_ten(params.path, params.name("shape"), params.array("shape", (None, None), (None,)), count)


def _world(person: Fields, cameras: Fields | None, frames: np.ndarray) -> tuple[World | None, int | None]:
    R = t = None
    total = None
    if cameras is not None and "Rcw" in cameras:
        R, t = cameras.array("Rcw", (None, 3, 3)), cameras.array("Tcw", (None, 3))
        total = same_length(cameras, Rcw=R, Tcw=t)
        if frames.max() >= total:
            raise cameras.fail("Rcw", f"has {total} cameras, the person is in frame {frames.max()}")
        R, t = rotations(cameras.path, cameras.name("Rcw"), R[frames]), t[frames]
    if "smplx_world" not in person:
        return None, total
    there = person.sub("smplx_world")
    orient, trans = _pose(there)[:, 0], there.array("trans", (None, 3), (None, 1, 3)).reshape(-1, 3)
    count = same_length(there, frames=frames, pose=orient, trans=trans)
    betas = _shape(there, count) if "shape" in there else None
    note = "PromptHMR's world, Y up, on its floor"
    return upright(World(Root(orient, trans), np.eye(3), R=R, t=t, betas=betas, note=note), person.path), total


def _boxes(person: Fields, count: int) -> np.ndarray | None:
    """x, y, width, height of corners."""
    if "bboxes" not in person:
        return None
    corners = person.array("bboxes", (count, 4), (count, 5))
    return np.concatenate([corners[:, :2], corners[:, 2:4] - corners[:, :2]], 1)
