"""W-MPJPE and WA-MPJPE over chunks of 100 frames."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..interfaces import Scored
from .alignment import aligned_by
from .evidence import distance_mm, pair

FRAMES = 100


@dataclass(frozen=True)
class ChunkedMpjpe:
    """``mean_j |s R p_tj + t - g_tj|`` in mm, a value a frame.

    Alignment: in every chunk of 100 kept frames (the last one shorter) a similarity, scale included, fitted on its
    first ``fit_frames`` frames (2 for W-MPJPE100) or on all of them (None, WA-MPJPE100). So W corrects the size of
    the body but not that of the path, and WA hides an error of the path's scale within 100 frames. Source: SLAHMR
    (Ye et al., CVPR 2023) and WHAM (Shin et al., CVPR 2024), ``lib/eval/evaluate_emdb.py``.
    """

    fit_frames: int | None
    unit = "mm"

    def __call__(self, scored: Scored) -> Float[Tensor, "T"]:
        pred, true = pair(scored)
        errors = []
        for p, g in zip(pred.split(FRAMES), true.split(FRAMES), strict=True):
            n = self.fit_frames
            errors.append(distance_mm(aligned_by(p[:n], g[:n], p, scale=True), g))
        return torch.cat(errors)
