"""Error of the acceleration."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from ..interfaces import Scored
from .alignment import aligned_by
from .evidence import at_least, pair


def acceleration_error(pred: Float[Tensor, "T J 3"], true: Float[Tensor, "T J 3"]) -> Float[Tensor, "T-2"]:
    """``mean_j |(p_{t+1} - 2 p_t + p_{t-1}) - (same of g)|`` in m per frame squared."""
    at_least(pred, 3)
    return (pred - true).diff(n=2, dim=0).norm(dim=-1).mean(-1)


class Accel:
    """:func:`acceleration_error` times fps^2, in m/s^2, T - 2 values.

    Alignment: the rigid fit of ``rigid_clip``, because the directions of two worlds must agree before accelerations
    are subtracted. Source of the formula: SLAHMR and WHAM (``compute_error_accel``), in m per frame squared there.
    """

    unit = "m/s^2"

    def __call__(self, scored: Scored) -> Float[Tensor, "{len(scored.pred)}-2"]:
        pred, true = pair(scored)
        at_least(pred, 3)
        return acceleration_error(aligned_by(pred, true, pred, scale=False), true) * scored.fps**2
