"""Root-relative error as the camera sees it."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from ..interfaces import Scored
from .evidence import Points, camera_pair, distance_mm, mid_hip


@dataclass(frozen=True)
class CameraPelvis:
    """``mean_j |(p_tj - h(p)_t) - (g_tj - h(g)_t)|`` in mm, a value a frame.

    ``p`` is in the predicted camera's frame and ``g`` in the true one's; ``h`` is the mean of both hips. No rotation
    is removed, so the orientation relative to the camera counts. ``score = "vertices"`` is EMDB's MVE. Source: EMDB
    (Kaufmann et al., ICCV 2023), ``evaluation_metrics.py``; WHAM and GVHMR do the same.
    """

    score: Points = "joints"
    unit = "mm"

    def __call__(self, scored: Scored) -> Float[Tensor, "T"]:
        pred_hips, true_hips = (mid_hip(scored, joints) for joints in camera_pair(scored))
        pred, true = camera_pair(scored, self.score)
        return distance_mm(pred - pred_hips, true - true_hips)
