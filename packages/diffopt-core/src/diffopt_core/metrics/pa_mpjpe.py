"""Error of the pose after Procrustes."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from ..interfaces import Scored
from .alignment import aligned
from .evidence import distance_mm, pair


class PaMpjpe:
    """``mean_j |s_t R_t p_tj + t_t - g_tj|`` in mm, a value a frame.

    Alignment: a similarity (scale included, no reflection) fitted on the joints of every frame. Source: the
    Procrustes error that SPIN, EMDB, SLAHMR and WHAM share.
    """

    unit = "mm"

    def __call__(self, scored: Scored) -> Float[Tensor, "T"]:
        pred, true = pair(scored)
        return distance_mm(aligned(pred, true, scale=True), true)
