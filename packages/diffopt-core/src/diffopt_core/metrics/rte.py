"""Root translation error."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from ..geometry import align, transform
from ..interfaces import Scored
from .evidence import NotScorable, at_least, pair, root

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
