"""Articulation near the initial one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import PositiveFloat

from ..config import TermConfig

if TYPE_CHECKING:
    from torch import Tensor

    from ..interfaces import Energy, ProblemContext
    from ..types import Scene


class PoseConfig(TermConfig):
    """``|f_theta(tau_t) - theta_init|^2`` of eq. 5 and 6: the 23 body joints, mean over valid frames.

    ``metric``: see :func:`.rotation_distance.squared_distance`. ``joints``: the paper writes a sum over joints;
    the mean keeps the weight independent of how many a body has (sum = 23 x mean). ``sure``: standard deviation, rad,
    at which the evidence of an initializer that tells one counts as much as without it; null: all count alike.
    """

    metric: Literal["chordal", "geodesic", "axis_angle"] = "chordal"
    joints: Literal["mean", "sum"] = "mean"
    sure: PositiveFloat | None = None

    def build(self, ctx: ProblemContext) -> Energy:
        from .frames import frame_mean
        from .rotation_distance import squared_distance
        from .sureness import sureness

        weight: Tensor | float = 1.0
        if ctx.evidence is not None and self.sure is not None:
            weight = sureness(ctx.evidence.pose_var[:, :, 1:], self.sure)

        def energy(scene: Scene) -> Tensor:
            distance = squared_distance(scene.motion.pose[:, :, 1:], ctx.initial.pose[:, :, 1:], self.metric)
            distance = distance * weight
            per_frame = distance.mean(-1) if self.joints == "mean" else distance.sum(-1)
            return frame_mean(per_frame, ctx.observations.valid)

        return energy
