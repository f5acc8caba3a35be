"""Where toes and nose point, against where a body faces whose left and right are as they are called.

It is the only evidence that tells left from right by itself, not by what comes before and after.
"""

from __future__ import annotations

import numpy as np

from ..data.skeleton import LAYOUTS

Array = np.ndarray
#: A foot's length by a body's breadth, m^2, from which on the image is sure.
_SURE = 0.02
_SIDES = ("left", "right")


def in_space(points: Array, layout: str) -> Array:
    """Of 3D points ``[T J 3]``: whether feet and nose point to where the trunk faces, ``[T]`` in [-1, 1]; 0 where the
    layout lacks them."""
    names = LAYOUTS[layout]
    wanted = [
        f"{side}_{part}" for part in ("hip", "shoulder", "heel", "foot_index", "ear") for side in ("left", "right")
    ]
    if any(name not in names for name in (*wanted, "nose")):
        return np.zeros(len(points))
    at = {name: points[:, names.index(name)] for name in (*wanted, "nose")}
    across = at["left_hip"] - at["right_hip"] + at["left_shoulder"] - at["right_shoulder"]
    up = at["left_shoulder"] + at["right_shoulder"] - at["left_hip"] - at["right_hip"]
    ahead = np.cross(across, up)
    feet = at["left_foot_index"] + at["right_foot_index"] - at["left_heel"] - at["right_heel"]
    nose = 2 * at["nose"] - at["left_ear"] - at["right_ear"]
    unit = ahead / np.linalg.norm(ahead, axis=-1, keepdims=True).clip(1e-9)
    return np.tanh(((feet + nose) * unit).sum(-1) / 0.2)


def in_image(points: Array, layout: str, metres: Array, seen: float) -> Array:
    """Of image points ``[T J 3]``, ``metres [T]`` a pixel: the same, ``[T]`` in [-1, 1]. Cameras are above the feet, so
    toes below heels point at it: then left is on the right. 0 where toes are not seen, feet are in profile, or the
    trunk is not upright in the image."""
    names, at = LAYOUTS[layout], {}
    toe = "foot_index" if "left_foot_index" in names else "big_toe"
    for part in (toe, "heel", "hip", "shoulder"):
        if any(f"{side}_{part}" not in names for side in _SIDES):
            return np.zeros(len(points))
        at[part] = [points[:, names.index(f"{side}_{part}")] for side in _SIDES]
    ahead = sum(toe[:, 1] - heel[:, 1] for toe, heel in zip(at[toe], at["heel"], strict=True)) * metres
    across = sum(left[:, 0] - right[:, 0] for left, right in (at["hip"], at["shoulder"])) * metres
    trunk = sum(hip[:, :2] - shoulder[:, :2] for hip, shoulder in zip(at["hip"], at["shoulder"], strict=True))
    there = np.min([point[:, 2] for pair in at.values() for point in pair], axis=0) > seen
    there &= trunk[:, 1] > np.abs(trunk[:, 0])
    return np.where(there, np.tanh(ahead * across / _SURE), 0.0)
