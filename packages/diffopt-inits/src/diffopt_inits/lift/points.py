"""The named points of the network, and their mapping from keypoint layouts.

The network reads one set of points, with confidence 0 for points that a layout lacks. ``neck`` is OpenPose's (the
middle of the shoulders), ``upper_neck`` and ``head_top`` are those of MPII.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from diffopt_core.data.skeleton import COCO17, JOINT, LAYOUTS, mirror_order
from diffopt_core.errors import UnknownName
from diffopt_core.parts.bodies.stick import anchored_points
from jaxtyping import Float
from torch import Tensor

POINTS: tuple[str, ...] = (
    *COCO17, "neck", "mid_hip", "pelvis", "head", "head_top", "upper_neck",
    *(f"{side}_{part}" for part in ("big_toe", "small_toe", "heel", "foot", "hand") for side in ("left", "right")),
)  # fmt: skip
INDEX: dict[str, int] = {name: i for i, name in enumerate(POINTS)}
MIRROR = list(mirror_order(POINTS))
FACE = [INDEX[name] for name in COCO17[:5]]
EYES_AND_EARS = FACE[1:]
FEET = [i for name, i in INDEX.items() if name.partition("_")[2] in {"big_toe", "small_toe", "heel", "foot"}]
LEGS = [
    [i for name, i in INDEX.items() if name.startswith(side) and name.split("_", 1)[1] in parts]
    for side in ("left", "right")
    for parts in [{"knee", "ankle", "big_toe", "small_toe", "heel", "foot"}]
]
#: Points that are the mean of two others.
MEANS = {"neck": ("left_shoulder", "right_shoulder"), "mid_hip": ("left_hip", "right_hip")}

#: Points of a layout that are used for one of ours; the mean if there are two. The neck of ``smpl24`` is another point.
_STAND_FOR: dict[str, dict[str, tuple[str, ...]]] = {
    "blazepose33": {
        **{f"{s}_big_toe": (f"{s}_foot_index",) for s in ("left", "right")},
        **{f"{s}_hand": (f"{s}_index", f"{s}_pinky") for s in ("left", "right")},
    },
    "smpl24": {"neck": ()},
}
#: Points without an SMPL joint of the same name: joint they are fixed to, and offset (m) in its frame.
_RIDE = anchored_points()


def ride(name: str) -> tuple[int, tuple[float, float, float]]:
    """SMPL joint and offset (m, rest pose of a 1.70 m body) of a point; for a mean of two points, one of them."""
    if name in MEANS:
        name = MEANS[name][0]
    return _RIDE[name] if name in _RIDE else (JOINT[name], (0.0, 0.0, 0.0))


@lru_cache
def _rows(layout: str) -> tuple[Float[Tensor, "P J"], Float[Tensor, "P"]]:
    if layout not in LAYOUTS:
        raise UnknownName("keypoint layout", layout, LAYOUTS)
    names = LAYOUTS[layout]
    rows = torch.zeros(len(POINTS), len(names))
    for point, i in INDEX.items():
        sources = _STAND_FOR.get(layout, {}).get(point, (point,) if point in names else ())
        for source in sources:
            rows[i, names.index(source)] = 1.0 / len(sources)
    return rows, (rows > 0).any(1).float()


def offered(layout: str) -> Float[Tensor, "P"]:
    """1 for points that a layout has, else 0. Raises UnknownName."""
    return _rows(layout)[1]


def gather(keypoints: Float[Tensor, "T J D"], layout: str) -> Float[Tensor, "T P D"]:
    """The network's points from a layout: coordinates, then confidence (for a mean, the smaller one)."""
    rows, _ = _rows(layout)
    rows = rows.to(keypoints)
    seen = keypoints[..., -1]
    least = torch.where(rows > 0, seen.unsqueeze(-2), torch.inf).amin(-1)
    confidence = torch.where(torch.isfinite(least), least, 0.0)
    return torch.cat([rows @ keypoints[..., :-1], confidence.unsqueeze(-1)], -1)
