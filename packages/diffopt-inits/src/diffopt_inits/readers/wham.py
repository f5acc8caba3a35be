"""WHAM: ``wham_output.pkl``, joblib, person -> arrays (yohanshin/WHAM, demo.py).

``pose`` and ``trans`` are in the camera frame, ``trans`` as SMPL's transl. ``pose_world`` has another root and the
same body; the demo writes its world with Y up, the evaluator works with Y down: which of the two a file holds is told
by the people's trunks. ``trans_world`` is taken as SMPL's transl, as WHAM's evaluator does (its viewer puts the middle
of the hips there, about 25 cm away). The file names no focal length: without a calibration WHAM takes the diagonal.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .fields import Fields, matrices, same_length, shape_ten
from .frames import upright
from .tracks import Root, Track, World

TOOL = "WHAM"


def accepts(held: Any) -> bool:
    """Whether this is the content of such a file."""
    first = next(iter(held.values()), None) if isinstance(held, dict) else None
    return isinstance(first, dict) and {"pose", "trans", "pose_world"} <= set(first)


def parse(path: Path, held: Any) -> tuple[Track, ...]:
    """The tracks of what a file holds. Raises BadInput."""
    return tuple(_track(person, tid) for tid, person in Fields(path, held).people())


def _track(person: Fields, tid: str) -> Track:
    pose, trans = person.array("pose", (None, 72), (None, 24, 3)), person.array("trans", (None, 3))
    frames = person.frames("frame_ids", "frame_id")
    count = same_length(person, frame_ids=frames, pose=pose, trans=trans)
    rotation = matrices(pose.reshape(count, 24, 3))
    world = None
    if "pose_world" in person and "trans_world" in person:
        root = person.array("pose_world", (None, 72), (None, 24, 3)).reshape(-1, 72)[:, :3]
        path = person.array("trans_world", (None, 3))
        same_length(person, pose=pose, pose_world=root, trans_world=path)
        note = "WHAM's world, Y up, its floor where its first frame put it"
        world = upright(World(Root(matrices(root), path), np.eye(3), note=note), person.path)
    return Track(
        tool=TOOL,
        id=tid,
        frames=frames,
        body_pose=rotation[:, 1:],
        betas=shape_ten(person.path, person.name("betas"), person.array("betas", (None, 10), (10,)), count),
        camera=Root(rotation[:, 0], trans),
        world=world,
    )
