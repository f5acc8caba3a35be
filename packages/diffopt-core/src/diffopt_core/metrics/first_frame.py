"""Global error when both motions start in the same place."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from ..interfaces import Scored
from .alignment import aligned_by
from .evidence import distance_mm, pair


class FirstFrame:
    """``mean_j |R p_tj + t - g_tj|`` in mm, a value a frame.

    Alignment: rotation and translation, no scale, fitted on the joints of the first frame only. It shows a reversed
    or turned trajectory that a fit over the whole clip hides. Source: one reading of the paper's global error.
    """

    unit = "mm"

    def __call__(self, scored: Scored) -> Float[Tensor, "T"]:
        pred, true = pair(scored)
        return distance_mm(aligned_by(pred[:1], true[:1], pred, scale=False), true)
