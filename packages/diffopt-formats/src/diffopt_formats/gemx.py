"""GEM-X's ``hpe_results.pt``, torch (NVlabs/GEM-X, gem/gem.py: predict; the body is SOMA, NVlabs/SOMA-X).

One person, every frame of the video at its own rate. SOMA's 77 joints turn against a T pose whose axes are the world's,
as SMPL's do, so that SMPL's rotations are among them; transl is the place of SOMA's Hips, which stand for the pelvis.
Its shape (``identity_coeffs``, ``scale_params``) is no SMPL's and is left out, as hands and face are. The world is Y up
by gravity. GEM-X finds no camera of its own and takes it to stand.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.data.skeleton import JOINTS

from .fields import Fields, joint_rotations, same_length
from .tracks import Contents, Root
from .worlds import two_frames

_log = logging.getLogger(__name__)
#: Joints besides Hips; where in SOMA's order those of SMPL's are. The head turns by two: Neck2 lies between.
_COUNT = 76
_ARM, _LEG = ("collar", "shoulder", "elbow", "wrist"), ("hip", "knee", "ankle", "foot")
SOMA: dict[str, int] = {
    "spine1": 1, "spine2": 2, "spine3": 3, "neck": 4, "head": 6,
    **{f"left_{part}": 11 + n for n, part in enumerate(_ARM)},
    **{f"right_{part}": 39 + n for n, part in enumerate(_ARM)},
    **{f"left_{part}": 67 + n for n, part in enumerate(_LEG)},
    **{f"right_{part}": 72 + n for n, part in enumerate(_LEG)},
}  # fmt: skip
_NECK2 = 5
_KEYS = ("body_params_incam", "soma_params_incam"), ("body_params_global", "soma_params_global")


def accepts(held: Any) -> bool:
    """Whether this is the content of such a file."""
    return isinstance(held, dict) and any(
        isinstance(held.get(key), dict) and "identity_coeffs" in held[key] for keys in _KEYS for key in keys
    )


def parse(path: Path, held: Any) -> Contents:
    """The person of what a file holds. Raises BadInput."""
    whole = Fields(path, held)
    note = "GEM-X's world, Y up by gravity, under a camera that is taken to stand"
    track = two_frames(path, whole, *_KEYS, _params, "GEM-X", note)
    _log.warning(f"{path}: GEM-X's body is SOMA: its pose is taken; its shape, hands and face are no SMPL's")
    return Contents((track,))


def _params(params: Fields) -> tuple[Root, np.ndarray, int]:
    """Root, SMPL's 23 rotations (hands straight), and the number of frames."""
    pose = joint_rotations(params, "body_pose", _COUNT)
    orient, transl = joint_rotations(params, "global_orient", 1), params.array("transl", (None, 3))
    count = same_length(params, body_pose=pose, global_orient=orient, transl=transl)
    body = np.tile(np.eye(3), (count, len(JOINTS) - 1, 1, 1))
    for joint, at in SOMA.items():
        body[:, JOINTS.index(joint) - 1] = pose[:, at - 1]
    body[:, JOINTS.index("head") - 1] = pose[:, _NECK2 - 1] @ pose[:, SOMA["head"] - 1]
    return Root(orient[:, 0], transl, is_pelvis=True), body, count
