"""Foot sliding, on SMPL's vertices as published and on joints where there is no mesh."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from ..interfaces import Scored
from .evidence import MM, REFERENCE_FPS, NotScorable, at_least, pair

_SMPL_VERTICES = 6890
_SOLES = (3216, 3387, 6617, 6787)
_STANDS = 0.01  # m per 1/30 s
_FEET = ("ankle", "foot", "heel", "big_toe", "foot_index")


def sliding(pred: Float[Tensor, "T F 3"], true: Float[Tensor, "T F 3"], fps: float) -> Float[Tensor, "N"]:
    """Displacement of predicted points in mm per 1/30 s, wherever the true point moves less than 1 cm in 1/30 s.

    One value for each point and pair of frames in contact. At 30 fps that is one frame, as in WHAM.
    """
    at_least(pred, 2)
    per_tick = fps / REFERENCE_FPS
    moved, true_moved = (points.diff(dim=0).norm(dim=-1) * per_tick for points in (pred, true))
    stands = true_moved < _STANDS
    if not stands.any():
        raise NotScorable("no foot of the truth stands still")
    return moved[stands] * MM


class FootSliding:
    """:func:`sliding` of SMPL's sole vertices 3216, 3387, 6617, 6787 in the world, mm per 1/30 s.

    No alignment at all, so a path that is too short scores better. Source: WHAM, ``compute_foot_sliding``.
    """

    unit = "mm"

    def __call__(self, scored: Scored) -> Float[Tensor, "N"]:
        pred, true = pair(scored, "vertices")
        if pred.shape[1] != _SMPL_VERTICES:
            raise NotScorable(f"needs SMPL's {_SMPL_VERTICES} vertices, the body has {pred.shape[1]}")
        return sliding(pred[:, list(_SOLES)], true[:, list(_SOLES)], scored.fps)


class FootSlidingJoints:
    """:func:`sliding` of the ankle and foot joints in the world, mm per 1/30 s; no alignment.

    Not comparable with ``foot_sliding``: an ankle moves while the sole stands. Source: the formula of WHAM on the
    joints that every body has (SMPL: ankles and feet; other layouts: ankles, heels and toes as far as present).
    """

    unit = "mm"

    def __call__(self, scored: Scored) -> Float[Tensor, "N"]:
        pred, true = pair(scored)
        wanted = {f"{side}_{part}" for side in ("left", "right") for part in _FEET}
        feet = [i for i, name in enumerate(scored.names) if name in wanted]
        if not feet:
            raise NotScorable("the scored joints hold no foot or ankle")
        return sliding(pred[:, feet], true[:, feet], scored.fps)
