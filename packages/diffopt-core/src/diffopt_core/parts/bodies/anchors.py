"""Keypoints without skinning vertices: every point is attached to joints by weights and offsets.

A keypoint regressed from skinned vertices, ``sum_v r_v sum_j w_vj (G_j (v - J_j) + p_j)``, is linear in the joint
transforms: ``sum_j a_j p_j + G_j o_j`` with ``a_j = sum_v r_v w_vj`` and ``o_j = sum_v r_v w_vj (v - J_j)``. The sums
over vertices are precomputed, so a step costs 24 joints per keypoint, whatever the number of vertices, and the result
equals skinning followed by regression up to rounding. A joint is ``a = 1, o = 0``; a point fixed to a joint is ``a = 1,
o = its offset``. Derivation: this project.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.invariant import product
from ...data.skeleton import JOINT, LAYOUTS
from ...errors import UnknownName
from ...types import map_tensors

#: Keypoint names that stand for another point, or for the mean of several (OpenPose's neck is the middle of the
#: shoulders).
ALIASES: dict[str, tuple[str, ...]] = {
    "neck": ("left_shoulder", "right_shoulder"),
    "mid_hip": ("left_hip", "right_hip"),
    "left_foot_index": ("left_big_toe",),
    "right_foot_index": ("right_big_toe",),
    "upper_neck": ("head",),  # MPII's point is at the base of the skull, like SMPL's head joint
}

#: Substitutes of points that a body lacks, so that they stay finite: the first one that the body has. Such points must
#: get weight 0.
STAND_INS: dict[str, tuple[str, ...]] = {
    "eye": ("{s}_eye", "joint:head"), "nose": ("joint:head",), "ear": ("joint:head",),
    "mouth": ("nose", "joint:head"), "heel": ("joint:{s}_ankle",), "toe": ("joint:{s}_foot",),
    "foot": ("joint:{s}_foot",), "pinky": ("joint:{s}_hand",), "index": ("joint:{s}_hand",),
    "thumb": ("joint:{s}_hand",),
}  # fmt: skip


@dataclass(frozen=True)
class Anchors:
    """``K`` points attached to 24 joints. Offsets are in the joints' frames, m; linear in betas and, where the body has
    pose correctives, in :func:`~diffopt_core.parts.bodies.linear.pose_feature`."""

    weight: Float[Tensor, "K 24"]
    offset: Float[Tensor, "K 24 3"]
    offset_betas: Float[Tensor, "K 24 3 10"] | None = None
    offset_pose: Float[Tensor, "K 24 3 207"] | None = None

    def mixed(self, rows: Float[Tensor, "N K"]) -> Anchors:
        """Anchors of linear combinations of these points (each row of ``rows`` sums to 1)."""
        return map_tensors(self, lambda value: torch.tensordot(rows, value, dims=1))

    def to(self, like: Tensor) -> Anchors:
        """The anchors in the dtype and on the device of ``like``."""
        return map_tensors(self, lambda value: value.to(like))

    def scaled(self, factor: Float[Tensor, "B"]) -> Float[Tensor, "B K 24 3"]:
        """Offsets scaled by ``factor``, the size of each body."""
        return factor[:, None, None, None] * self.offset


def attach(
    weight: Float[Tensor, "K 24"], offset: Float[Tensor, "#B *t K 24 3"], moved: Float[Tensor, "B 3 4 24 T"]
) -> Float[Tensor, "B 3 K T"]:
    """Points ``sum_j a_kj p_j + G_j o_kj``, m. ``moved``: rotations and, in the fourth column, positions of the joints.
    ``offset`` is constant over frames, or given with ``T``."""
    if offset.dim() == 5:
        turned = torch.einsum("bijnt,btknj->bikt", moved[:, :, :3], offset)
        return turned + weight @ moved[:, :, 3]
    share = torch.cat([offset.mT, weight.unsqueeze(1).expand(len(offset), -1, 1, -1)], dim=2)
    share = share.flatten(2).unsqueeze(1).expand(len(moved), 3, -1, -1)
    return product(share.flatten(0, 1), moved.flatten(2, 3).flatten(0, 1)).unflatten(0, (-1, 3))


def joint_anchors(dtype: torch.dtype, device: torch.device) -> Anchors:
    """Anchors of the 24 joints."""
    n = len(JOINT)
    return Anchors(torch.eye(n, dtype=dtype, device=device), torch.zeros(n, n, 3, dtype=dtype, device=device))


def layout_rows(layout: str, points: Mapping[str, int]) -> tuple[Float[Tensor, "J K"], tuple[bool, ...]]:
    """Matrix that selects a layout's points from ``K`` named ones, and whether the body has each point.

    ``points``: name -> row, joints included under ``joint:<name>``. Raises UnknownName for an unknown layout.
    """
    if layout not in LAYOUTS:
        raise UnknownName("keypoint layout", layout, LAYOUTS)
    names = LAYOUTS[layout]
    rows = torch.zeros(len(names), max(points.values()) + 1)
    served = []
    for i, name in enumerate(names):
        sources = (f"joint:{name}",) if layout == "smpl24" else _sources(name, points)
        served.append(sources is not None)
        picked = sources or _stand_in(name, points)
        for source in picked:
            rows[i, points[source]] += 1.0 / len(picked)
    return rows, tuple(served)


def _sources(name: str, points: Mapping[str, int]) -> tuple[str, ...] | None:
    """Points whose mean is the keypoint ``name``: the point itself, its aliases, or the joint of that name."""
    if name in points:
        return (name,)
    if name in ALIASES:  # checked before joints: OpenPose's neck is not SMPL's
        parts = [_sources(part, points) for part in ALIASES[name]]
        found = [part for part in parts if part]
        return sum(found, ()) if len(found) == len(parts) else None
    return (f"joint:{name}",) if f"joint:{name}" in points else None


def _stand_in(name: str, points: Mapping[str, int]) -> tuple[str, ...]:
    words = name.split("_")
    side = "right" if "right" in words else "left"
    choices = next(choices for part, choices in STAND_INS.items() if part in words)
    return next((place,) for c in choices if (place := c.format(s=side)) in points)
