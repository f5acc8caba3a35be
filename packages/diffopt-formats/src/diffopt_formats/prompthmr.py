"""PromptHMR: ``results.pkl``, joblib (yufu-wang/PromptHMR, pipeline/pipeline.py and world.py).

SMPL-X, 55 joints: the root, 21 body joints, then face and fingers, which are ignored. ``smplx_cam`` is in the camera
frame, ``smplx_world`` with Y up; trans is SMPL-X's transl in both. ``camera_world`` has both directions: ``Rwc``,
``Twc`` are camera to world, ``Rcw``, ``Tcw`` world to camera, +Y up, floor at 0. If it is missing, ``camera`` has
TRAM's keys in the first camera's frame. Focal length and centre refer to the images that the tool used (at most 896 px
high).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .fields import SHARED, Fields, body_rotations, joint_rotations, rotations, same_length, shape_ten
from .tracks import Cameras, Contents, Root, Track, World, size_of
from .tram import read_cameras
from .worlds import upright


def accepts(held: Any) -> bool:
    """Whether this is the content of such a file."""
    return isinstance(held, dict) and bool({"people", "camera_world"} & set(held)) and bool(
        {"camera", "camera_world"} & set(held)
    )  # fmt: skip


def parse(path: Path, held: Any) -> Contents:
    """People and cameras in a file's content. Raises BadInput."""
    whole = Fields(path, held)
    world = whole.sub("camera_world") if "camera_world" in whole else None
    focal = world or (whole.sub("camera") if "camera" in whole else None)
    people = whole.sub("people").people() if "people" in whole else []
    return Contents(tuple(_track(one, key, world, focal) for key, one in people), _cameras(whole, world))


def _cameras(whole: Fields, world: Fields | None) -> Cameras | None:
    if world is not None and "Rwc" in world:
        held = Fields(whole.path, {**world.held, "world_R": world.raw("Rwc"), "world_T": world.raw("Twc")}, world.where)
        return read_cameras(held, level="world", form="prompthmr")
    camera = whole.sub("camera") if "camera" in whole else None
    if camera is None or "pred_cam_R" not in camera:
        return None
    return read_cameras(camera, form="prompthmr")


def _track(person: Fields, key: str, cameras: Fields | None, focal: Fields | None) -> Track:
    frames = person.frames("frames")
    inside = person.sub("smplx_cam")
    pose, trans = _pose(inside), inside.array("trans", (None, 3))
    count = same_length(inside, frames=frames, rotmat=pose, trans=trans)
    world, total = _world(person, cameras, frames)
    centre = None if focal is None else focal.pair("img_center")
    return Track(
        tool="PromptHMR",
        id=str(person.held.get("track_id", key)),
        frames=frames,
        total=total,
        body_pose=body_rotations(pose[:, 1:]),
        betas=shape_ten(inside, "shape", count),
        betas_of="smplx",
        camera=Root(pose[:, 0], trans),
        world=world,
        boxes=_boxes(person, count),
        focal=None if focal is None else focal.number("img_focal"),
        centre=centre,
        size=size_of(centre),
    )


def _pose(params: Fields) -> np.ndarray:
    """Root and body ``[N 22 3 3]``."""
    if "rotmat" in params:
        R = params.array("rotmat", (None, 55, 3, 3), (None, 22, 3, 3))
        return rotations(params.path, params.name("rotmat"), R[:, : 1 + SHARED])
    return joint_rotations(params, "pose", 55, 22)[:, : 1 + SHARED]


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
    orient, trans = _pose(there)[:, 0], there.array("trans", (None, 3))
    count = same_length(there, frames=frames, pose=orient, trans=trans)
    betas = shape_ten(there, "shape", count) if "shape" in there else None  # world and camera frame each have their own
    note = "PromptHMR's world, Y up, on its floor"
    return upright(World(Root(orient, trans), np.eye(3), R=R, t=t, betas=betas, note=note), person.path), total


def _boxes(person: Fields, count: int) -> np.ndarray | None:
    """Convert boxes from corners to x, y, width, height."""
    if "bboxes" not in person:
        return None
    corners = person.array("bboxes", (count, 4), (count, 5))
    return np.concatenate([corners[:, :2], corners[:, 2:4] - corners[:, :2]], 1)
