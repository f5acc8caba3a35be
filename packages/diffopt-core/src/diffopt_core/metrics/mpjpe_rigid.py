"""Root-relative error in the world."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from ..interfaces import Scored
from .alignment import aligned_by
from .evidence import Points, distance_mm, mid_hip, pair


@dataclass(frozen=True)
class MpjpeRigid:
    """``mean_j |(p'_tj - h(p')_t) - (g_tj - h(g)_t)|`` in mm, a value a frame.

    ``p'`` is the prediction after the rigid fit of ``rigid_clip`` (joints, whole clip, no scale), ``h`` the mean of
    both hips of the frame. So an error of orientation counts, one of the clip's heading or position does not.
    ``mpvpe`` measures vertices under the joints' alignment and hips. Source: the MPJPE of this project's case files.
    """

    score: Points = "joints"
    unit = "mm"

    def __call__(self, scored: Scored) -> Float[Tensor, "T"]:
        joints, true_joints = pair(scored)
        points, true_points = pair(scored, self.score)
        moved = aligned_by(joints, true_joints, points, scale=False)
        hips = mid_hip(scored, aligned_by(joints, true_joints, joints, scale=False))
        return distance_mm(moved - hips, true_points - mid_hip(scored, true_joints))
