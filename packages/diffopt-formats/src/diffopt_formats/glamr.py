"""GLAMR: ``{seq}_seed{k}.pkl``, a pickle (NVlabs/GLAMR, global_recon; conventions as in eth-ait/emdb's viewer).

The world has Z up. ``root_trans_world`` is the position of the root joint, not SMPL's transl. ``cam_pose`` is world to
camera. All arrays are as long as the video; ``exist_frames`` marks the frames in which the person exists.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .fields import Fields, joint_rotations, numbers, rotations, same_length, shape_ten
from .tracks import Z_TO_Y, Contents, Root, Track, World


def accepts(held: Any) -> bool:
    """Whether this is the content of such a file."""
    return isinstance(held, dict) and "person_data" in held


def parse(path: Path, held: Any) -> Contents:
    """People with their cameras, from a file's content. Raises BadInput."""
    whole = Fields(path, held)
    cameras = whole.array("cam_pose", (None, 4, 4))
    if np.abs(cameras[:, 3] - [0, 0, 0, 1]).max(initial=0.0) > 1e-4:
        raise whole.fail("cam_pose", "the last row is not 0 0 0 1")
    people = whole.raw("person_data")
    if isinstance(people, list):
        people = dict(enumerate(people))
    named = Fields(path, people, "person_data").people()
    return Contents(tuple(_track(person, key, cameras) for key, person in named))


def _track(person: Fields, key: str, cameras: np.ndarray) -> Track:
    pose, orient = joint_rotations(person, "smpl_pose", 23), joint_rotations(person, "smpl_orient_world", 1)[:, 0]
    trans = person.array("root_trans_world", (None, 3))
    count = same_length(person, cam_pose=cameras, smpl_pose=pose, smpl_orient_world=orient, root_trans_world=trans)
    there = _there(person, count)
    world = World(
        Root(orient[there], trans[there], is_pelvis=True),
        Z_TO_Y,
        R=rotations(person.path, "cam_pose", cameras[there, :3, :3]),
        t=cameras[there, :3, 3],
        note="GLAMR's world, Z turned up to Y",
    )
    K = person.array("cam_K", (None, 3, 3), (3, 3)).reshape(-1, 3, 3) if "cam_K" in person else None
    K = None if K is None else next((one for one in K if one[0, 0] > 0), None)  # frames without the person are zero
    scale = numbers(person.path, person.name("scale"), person.held["scale"], (None,), ()) if "scale" in person else None
    return Track(
        tool="GLAMR",
        id=key,
        frames=np.flatnonzero(there),
        total=count,
        body_pose=pose[there],
        betas=shape_ten(person, "smpl_beta", count)[there],
        world=world,
        focal=None if K is None else float(K[0, 0]),
        centre=None if K is None else (float(K[0, 2]), float(K[1, 2])),
        facts={} if scale is None or not scale.size else {"scale": float(np.mean(scale))},
    )


def _there(person: Fields, count: int) -> np.ndarray:
    for key in ("exist_frames", "visible"):
        if key in person:
            there = person.array(key, (count,)) > 0
            if not there.any():
                raise person.fail(key, "the person is in no frame")
            return there
    return np.ones(count, bool)
