"""Errors of the path: root, and joints in chunks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.geometry import align, transform
from ...interfaces import Scored
from .alignment import aligned_by
from .evidence import NotScorable, at_least, distance_mm, pair, root

_STANDS_STILL = 1e-6  # m


class Rte:
    """``100 |g_t - (R p_t + t)| / sum_i |g_{i+1} - g_i|`` in percent, a value a frame.

    ``p`` and ``g`` are the pelvis joints (mid-hip where the layout has no pelvis). Alignment: one rotation and
    translation of the whole clip's root path, no scale. For one who hardly moves, the path is mostly noise and the
    value means little. Source: WHAM, ``lib/eval/eval_utils.py``.
    """

    unit = "%"

    def __call__(self, scored: Scored) -> Float[Tensor, "T"]:
        pred, true = pair(scored)
        at_least(true, 2)
        source, target = root(scored, pred), root(scored, true)
        length = target.diff(dim=0).norm(dim=-1).sum()
        if not length > _STANDS_STILL:
            raise NotScorable("the true root does not move: there is no path to divide by")
        # A straight or motionless path leaves a turn about itself free, which changes no distance: no check needed.
        return (transform(source, *align(source, target, scale=False)) - target).norm(dim=-1) / length * 100.0


class PathRatio:
    """``sum_i |p_{i+K} - p_i| / sum_i |g_{i+K} - g_i|`` without unit, one value: 1 is right.

    ``p`` and ``g`` are the root positions, ``i`` every K-th frame with K a third of a second, so that trembling
    hardly lengthens the path. No alignment is needed. Together with ``first_frame`` it tells a wrong scale from a
    wrong shape; WA-MPJPE100 hides the scale. For one who hardly moves it means little.
    Source: this project.
    """

    unit = ""

    def __call__(self, scored: Scored) -> Float[Tensor, ""]:
        pred, true = pair(scored)
        stride = max(1, round(scored.fps / 3))
        at_least(true, stride + 1)
        lengths = [root(scored, joints)[::stride].diff(dim=0).norm(dim=-1).sum() for joints in (pred, true)]
        if not lengths[1] > 1e-6:
            raise NotScorable("the true root does not move")
        return lengths[0] / lengths[1]


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
