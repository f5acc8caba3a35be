"""The truth beside a landmarks file: joints and camera of a calibrated recording.

Keys of ``<stem>.truth.npz``: ``joints_world (T,J,3)`` metres, **Z up**, floor at z = 0, of the BlazePose points
``joint_ids (J,)``; ``R_cw (T,3,3)`` world to camera; ``C (3,)`` or ``(T,3)`` camera centre, metres; ``K (3,3)`` px.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from diffopt_core.skeleton import BLAZEPOSE33
from diffopt_core.types import CameraTrajectory, Truth, as_float

from .arrays import Arrays

#: Points whose place on the body is well defined; face, finger and foot points are left out of the score.
LIMB_JOINTS: tuple[int, ...] = tuple(
    BLAZEPOSE33.index(f"{side}_{part}")
    for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
)
#: Z-up to Y-up: x stays, z becomes y, y becomes -z.
Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


def read_truth(path: Path, frames: int) -> Truth:
    """The 12 limb joints and the camera in a metric world with Y up (float32). Raises BadInput."""
    arrays = Arrays(path)
    ids = arrays.take("joint_ids", (None,)).astype(int).tolist()
    missing = [BLAZEPOSE33[i] for i in LIMB_JOINTS if i not in ids]
    if missing:
        raise arrays.fail("joint_ids", f"lacks {', '.join(missing)}")
    joints = arrays.take("joints_world", (frames, len(ids), 3))[:, [ids.index(i) for i in LIMB_JOINTS]]
    R = arrays.rotations("R_cw", frames)
    C = arrays.take("C", (frames, 3) if arrays.raw("C").ndim == 2 else (3,))
    K = arrays.take("K", (3, 3))
    if K[0, 0] <= 0 or K[1, 1] <= 0:
        raise arrays.fail("K", f"focal lengths {K[0, 0]:g} and {K[1, 1]:g}, expected positive px")
    t = -(R @ np.broadcast_to(C, (frames, 3))[..., None])[..., 0]
    camera = CameraTrajectory(
        R=as_float(R @ Y_UP.T),
        t=as_float(t),
        focal=as_float(np.tile(K[[0, 1], [0, 1]], (frames, 1))),
        centre=as_float(np.tile(K[:2, 2], (frames, 1))),
        unit="metre",
    )
    return Truth(as_float(joints @ Y_UP.T), "blazepose33", LIMB_JOINTS, camera=camera)
