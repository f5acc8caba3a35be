"""GVHMR's ``hmr4d_results.pt`` and GEM's ``smpl_params.pt``, torch (zju3dv/GVHMR, tools/demo/demo.py; NVlabs GENMO).

One person, every frame of the video (the demo copies the frames and labels them 30 fps). SMPL-X with 21 body joints;
the hands of SMPL's 23 joints stay straight. The world is gravity-aligned, Y up; transl is SMPL-X's in both frames. The
cameras follow from the person in both frames; ``preprocess/slam.pt`` is read by :mod:`.slam`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from . import gemx
from .fields import Fields, body_rotations, joint_rotations, same_length, shape_ten
from .tracks import Contents, Root
from .worlds import two_frames

_IN_CAMERA = ("smpl_params_incam", "body_params_incam")
_GLOBAL = ("smpl_params_global", "body_params_global")


def accepts(held: Any) -> bool:
    """Whether this is the content of such a file."""
    return isinstance(held, dict) and any(key in held for key in (*_IN_CAMERA, *_GLOBAL)) and not gemx.accepts(held)


def parse(path: Path, held: Any) -> Contents:
    """The person in a file's content. Raises BadInput."""
    whole = Fields(path, held)
    note = "GVHMR's world, gravity-aligned, Y up; heading and floor as the tool set them"
    track = two_frames(path, whole, _IN_CAMERA, _GLOBAL, _params, "GVHMR", note)
    betas = shape_ten(whole.sub(*_IN_CAMERA), "betas", len(track.frames))
    return Contents((replace(track, fps=30.0, betas=betas, betas_of="smplx"),))


def _params(params: Fields) -> tuple[Root, np.ndarray, int]:
    pose = joint_rotations(params, "body_pose", 21, 23)
    orient, transl = joint_rotations(params, "global_orient", 1), params.array("transl", (None, 3))
    count = same_length(params, body_pose=pose, global_orient=orient, transl=transl)
    return Root(orient[:, 0], transl), body_rotations(pose), count
