"""How long the predicted path is."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from ..interfaces import Scored
from .evidence import NotScorable, at_least, pair, root


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
