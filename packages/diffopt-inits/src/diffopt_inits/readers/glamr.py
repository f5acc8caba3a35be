"""GLAMR: ``{seq}_seed{k}.pkl``, a pickle (NVlabs/GLAMR, global_recon; conventions as in eth-ait/emdb's viewer).

The world has Z up. ``root_trans_world`` is the position of the root joint, not SMPL's transl. ``cam_pose`` is world
to camera. All arrays are as long as the video; ``exist_frames`` says where the person is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.errors import BadInput

from .fields import Fields, matrices, numbers, rotations, same_length, shape_ten
from .tracks import Z_TO_Y, Root, Track, World

TOOL = "GLAMR"


def accepts(held: Any) -> bool:
    """Whether this is the content of such a file."""
    return isinstance(held, dict) and "person_data" in held


def parse(path: Path, held: Any) -> tuple[Track, ...]:
    """The tracks of what a file holds. Raises BadInput."""
    whole = Fields(path, held)
    cameras = whole.array("cam_pose", (None, 4, 4))
    if np.abs(cameras[:, 3] - [0, 0, 0, 1]).max() > 1e-4:
        raise BadInput(path, "cam_pose", "the last row is not 0 0 0 1")
    people = whole.raw("person_data")
    people = dict(enumerate(people)) if isinstance(people, list) else whole.sub("person_data").held
    if not people:
        raise BadInput(path, "person_data", "holds no person")
    return tuple(_track(Fields(path, one, f"person_data.{key}"), str(key), cameras) for key, one in people.items())


def _track(person: Fields, key: str, cameras: np.ndarray) -> Track:
    pose, orient = person.array("smpl_pose", (None, 69), (None, 23, 3)), person.array("smpl_orient_world", (None, 3))
    trans = person.array("root_trans_world", (None, 3))
    count = same_length(person, cam_pose=cameras, smpl_pose=pose, smpl_orient_world=orient, root_trans_world=trans)
    betas = shape_ten(person.path, person.name("smpl_beta"), person.array("smpl_beta", (None, 10), (10,)), count)
    there = _there(person, count)
    R = rotations(person.path, "cam_pose", cameras[there, :3, :3])
    world = World(
        Root(matrices(orient[there]), trans[there], is_pelvis=True),
        Z_TO_Y,
        R=R,
        t=cameras[there, :3, 3],
        note="GLAMR's world, Z turned up to Y",
    )
    K = person.array("cam_K", (None, 3, 3), (3, 3)).reshape(-1, 3, 3) if "cam_K" in person else None
    K = None if K is None else next((one for one in K if one[0, 0] > 0), None)  # absent frames hold zeros
    return Track(
        tool=TOOL,
        id=key,
        frames=np.flatnonzero(there),
        total=count,
        body_pose=matrices(pose[there].reshape(-1, 23, 3)),
        betas=betas[there],
        world=world,
        focal=None if K is None else float(K[0, 0]),
        centre=None if K is None else (float(K[0, 2]), float(K[1, 2])),
        facts={"scale": float(np.mean(numbers(person.path, "scale", person.held["scale"], (None,), ())))}
        if "scale" in person
        else {},
    )


def _there(person: Fields, count: int) -> np.ndarray:
    for key in ("exist_frames", "visible"):
        if key in person:
            there = person.array(key, (count,)) > 0
            if not there.any():
                raise person.fail(key, "the person is in no frame")
            return there
    return np.ones(count, bool)
