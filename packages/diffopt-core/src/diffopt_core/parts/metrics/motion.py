"""Metrics of smoothness and foot sliding."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from ...data.skeleton import JOINTS
from ...interfaces import Scored
from .evidence import MM, REFERENCE_FPS, NotScorable, aligned_by, at_least, camera_pair, checked, pair

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
        raise NotScorable("no foot of the truth is ever in contact with the ground")
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

    Not comparable with ``foot_sliding``: an ankle moves while the sole is in contact. Source: the formula of WHAM on
    the joints that every body has (SMPL: ankles and feet; other layouts: ankles, heels and toes as far as present).
    """

    unit = "mm"

    def __call__(self, scored: Scored) -> Float[Tensor, "N"]:
        pred, true = pair(scored)
        wanted = {f"{side}_{part}" for side in ("left", "right") for part in _FEET}
        feet = [i for i, name in enumerate(scored.names) if name in wanted]
        if not feet:
            raise NotScorable("the scored joints hold no foot or ankle")
        return sliding(pred[:, feet], true[:, feet], scored.fps)
