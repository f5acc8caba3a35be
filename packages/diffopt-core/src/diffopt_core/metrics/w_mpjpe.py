"""W-MPJPE and WA-MPJPE over chunks of 100 frames."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..interfaces import Scored
from .alignment import aligned_by
from .evidence import NotScorable, distance_mm, pair

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

    def chunks(self, frames: int) -> list[slice]:
        return [slice(start, min(start + FRAMES, frames)) for start in range(0, frames, FRAMES)]

    def __call__(self, scored: Scored) -> Float[Tensor, "N"]:
        pred, true = pair(scored)
        errors = []
        for chunk in self.chunks(len(true)):
            p, g, n = pred[chunk], true[chunk], self.fit_frames
            errors.append(distance_mm(aligned_by(p[:n], g[:n], p, scale=True), g))
        return torch.cat(errors)


@dataclass(frozen=True)
class TramChunkedMpjpe(ChunkedMpjpe):
    """The same with the chunks of TRAM: what is left after the last whole chunk is joined to that one, whose last
    frame is then left out; where nothing is left, the last chunk is never looked at; a sequence of 100 frames or fewer
    has no chunk. Source: TRAM (Wang et al., ECCV 2024),
    ``scripts/emdb/run_eval.py``.
    """

    def chunks(self, frames: int) -> list[slice]:
        starts = range(0, frames - FRAMES, FRAMES)
        if not starts:
            raise NotScorable(f"TRAM's protocol needs more than {FRAMES} frames, there are {frames}")
        return [slice(s, frames - 1 if s + 2 * FRAMES > frames else s + FRAMES) for s in starts]
