"""Jitter: the third derivative of the predicted motion."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from ..interfaces import Scored
from ..skeleton import JOINTS
from .evidence import NotScorable, at_least, camera_pair, checked

#: Joints that EMDB sets to zero but still counts: root, ankles, feet, wrists and hands.
_EMDB_ZEROED = (0, 7, 8, 10, 11, 20, 21, 22, 23)


def jerk(joints: Float[Tensor, "T J 3"], fps: float) -> Float[Tensor, "T-3"]:
    """``mean_j |x_{t+3} - 3 x_{t+2} + 3 x_{t+1} - x_t| fps^3 / 10``, in 10 m/s^3."""
    at_least(joints, 4)
    if not fps > 0:
        raise NotScorable(f"frame rate is {fps}")
    return joints.diff(n=3, dim=0).norm(dim=-1).mean(-1) * fps**3 / 10.0


class Jitter:
    """:func:`jerk` of all predicted joints in the world, not aligned: 10 m/s^3, T - 3 values.

    Published code fixes fps at 30; here it is the clip's. Source: PIP (Yi et al., CVPR 2022), as in WHAM.
    """

    unit = "10 m/s^3"

    def __call__(self, scored: Scored) -> Float[Tensor, "{len(scored.pred)}-3"]:
        return jerk(checked(scored.pred, "the prediction"), scored.fps)


class EmdbJitter:
    """:func:`jerk` in the camera frame with nine of the 24 SMPL joints set to zero and still counted in the mean.

    10 m/s^3 (EMDB's docstring says km/s^3 while its code divides by ten), T - 3 values. Source: EMDB (Kaufmann et
    al., ICCV 2023), ``evaluation_metrics.py``.
    """

    unit = "10 m/s^3"

    def __call__(self, scored: Scored) -> Float[Tensor, "{len(scored.pred)}-3"]:
        if scored.names != JOINTS:
            raise NotScorable("EMDB's jitter is defined on the 24 SMPL joints")
        joints = camera_pair(scored)[0].clone()
        joints[:, list(_EMDB_ZEROED)] = 0.0
        return jerk(joints, scored.fps)
