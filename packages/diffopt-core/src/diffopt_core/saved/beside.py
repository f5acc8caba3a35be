"""The truth of a clip laid beside a motion: moved by one rotation and translation, without scale."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..geometry import transform
from ..metrics.alignment import fitted
from ..metrics.evidence import NotScorable
from ..skeleton import JOINTS, LAYOUTS
from ..types import Truth


@dataclass(frozen=True)
class Beside:
    """``joints`` in the motion's world, m, nan where the truth has none; ``error`` mm, of the joints that it has, nan
    for the others; ``R``, ``t``: from the truth's world to the motion's."""

    joints: Float[Tensor, "T 24 3"]
    error: Float[Tensor, "T 24"]
    R: Float[Tensor, "3 3"]
    t: Float[Tensor, "3"]


def truth_beside(truth: Truth, joints: Float[Tensor, "T 24 3"]) -> Beside | None:
    """Fitted on all frames in which every true joint is finite, in double precision.

    None where the fit has no answer, where no joint is known by name, or where the truth has other frames.
    """
    layout = LAYOUTS[truth.layout]
    names = layout if truth.index is None else tuple(layout[i] for i in truth.index)
    theirs = [i for i, name in enumerate(names) if name in JOINTS]
    ours = [JOINTS.index(names[i]) for i in theirs]
    true, pred = truth.joints.detach().cpu().double()[:, theirs], joints.detach().cpu().double()[:, ours]
    if not theirs or len(true) != len(pred):
        return None
    good = true.isfinite().all(-1).all(-1)
    try:
        R, t, _ = fitted(true[good].reshape(-1, 3), pred[good].reshape(-1, 3), scale=False)
    except NotScorable:
        return None
    moved = transform(true, R, t)
    whole = torch.full((len(true), len(JOINTS), 3), torch.nan, dtype=torch.float64)
    error = whole[..., 0].clone()
    whole[:, ours], error[:, ours] = moved, (moved - pred).norm(dim=-1) * 1000.0
    return Beside(whole, error, R, t)
