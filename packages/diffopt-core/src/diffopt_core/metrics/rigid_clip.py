"""Global error after one rigid alignment of the whole clip."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from ..interfaces import Scored
from .alignment import aligned_by
from .evidence import Points, distance_mm, pair


@dataclass(frozen=True)
class RigidClip:
    """``mean_j |R p_tj + t - g_tj|`` in mm, a value a frame.

    Alignment: one rotation and translation, no scale, least squares over all frames of the clip and all points of
    kind ``fit``; ``score`` says which points are measured. ``rigid_clip`` fits and scores joints.
    ``rigid_clip_mesh`` and ``rigid_clip_by_mesh`` fit on vertices. Source: NeMo (Wang et al., CVPR 2023,
    ``eval_3d_global``) prints the latter two as its global vertex and joint errors.
    """

    fit: Points = "joints"
    score: Points = "joints"
    unit = "mm"

    def __call__(self, scored: Scored) -> Float[Tensor, "T"]:
        pred, true = pair(scored, self.score)
        return distance_mm(aligned_by(*pair(scored, self.fit), pred, scale=False), true)
