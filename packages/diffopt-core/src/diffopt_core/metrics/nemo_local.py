"""Articulation alone."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from ..geometry import transform
from ..interfaces import Scored
from .alignment import fitted
from .evidence import distance_mm, index_of, pair

#: The joints that move with the root rotation alone.
_TRUNK = ("pelvis", "left_hip", "right_hip", "spine1")


class NemoLocal:
    """``mean_j |R_t (p_tj - p_t0) - (g_tj - g_t0)|`` in mm, a value a frame.

    The root's position and orientation are taken out of every frame, and nothing else: NeMo scores the body model
    without root rotation and translation. ``R_t`` turns the predicted pelvis, hips and lowest spine joint onto the
    true ones; these four move with the root alone, so for bodies of one shape that is the same thing exactly, and
    for bodies of two shapes the difference of shape counts (NeMo uses the mean shape for both). Needs SMPL joints.
    Source: NeMo (Wang et al., CVPR 2023), ``eval_3d``, which scores the first 15 OpenPose joints; here all joints.
    """

    unit = "mm"

    def __call__(self, scored: Scored) -> Float[Tensor, "T"]:
        trunk = index_of(scored, *_TRUNK)
        pred, true = (joints - joints[:, trunk[:1]] for joints in pair(scored))
        R, t, _ = fitted(pred[:, trunk], true[:, trunk], scale=False)
        return distance_mm(transform(pred, R, 0 * t), true)
