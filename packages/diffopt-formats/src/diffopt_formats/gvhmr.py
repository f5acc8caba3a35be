"""GVHMR's ``hmr4d_results.pt`` and GEM's ``smpl_params.pt``, torch (zju3dv/GVHMR, tools/demo/demo.py; NVlabs GENMO).

One person, every frame of the video (the demo copies the frames and labels them 30 fps). SMPL-X with 21 body joints;
the hands of SMPL's 23 joints stay straight. The world is gravity-aligned, Y up; transl is SMPL-X's in both frames. The
cameras follow from the person in both frames; ``preprocess/slam.pt`` is read by :mod:`.slam`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.errors import BadInput

from . import gemx
from .fields import Fields, body_rotations, joint_rotations, same_length, shape_ten
from .tracks import Contents, Root, Track, World, size_of
from .worlds import upright

_IN_CAMERA = ("smpl_params_incam", "body_params_incam")
_GLOBAL = ("smpl_params_global", "body_params_global")


def accepts(held: Any) -> bool:
    """Whether this is the content of such a file."""
    return isinstance(held, dict) and any(key in held for key in (*_IN_CAMERA, *_GLOBAL)) and not gemx.accepts(held)


def parse(path: Path, held: Any) -> Contents:
    """The person in a file's content. Raises BadInput."""
    whole = Fields(path, held)
    inside = whole.sub(*_IN_CAMERA)
    root, pose, count = _params(inside)
    world = None
    if any(key in whole for key in _GLOBAL):
        other, _, length = _params(whole.sub(*_GLOBAL))
        if length != count:
            raise BadInput(path, _GLOBAL[0], f"has {length} frames where {_IN_CAMERA[0]} has {count}")
        note = "GVHMR's world, gravity-aligned, Y up; heading and floor as the tool set them"
        world = upright(World(other, np.eye(3), note=note), path)
    K = whole.array("K_fullimg", (count, 3, 3), (3, 3)).reshape(-1, 3, 3)[0] if "K_fullimg" in whole else None
    centre = None if K is None else (float(K[0, 2]), float(K[1, 2]))
    return Contents(
        (
            Track(
                tool="GVHMR",
                id="0",
                frames=np.arange(count),
                total=count,
                fps=30.0,
                body_pose=body_rotations(pose),
                betas=shape_ten(inside, "betas", count),
                betas_of="smplx",
                camera=root,
                world=world,
                focal=None if K is None else float(K[0, 0]),
                centre=centre,
                size=size_of(centre),
            ),
        )
    )


def _params(params: Fields) -> tuple[Root, np.ndarray, int]:
    pose = joint_rotations(params, "body_pose", 21, 23)
    orient, transl = joint_rotations(params, "global_orient", 1), params.array("transl", (None, 3))
    count = same_length(params, body_pose=pose, global_orient=orient, transl=transl)
    return Root(orient[:, 0], transl), pose, count
