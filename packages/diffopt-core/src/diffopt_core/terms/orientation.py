"""Root orientation near the initial one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import PositiveFloat

from ..config import TermConfig

if TYPE_CHECKING:
    from torch import Tensor

    from ..interfaces import Energy, ProblemContext
    from ..types import Scene


class OrientationConfig(TermConfig):
    """``|f_phi(tau_t) - phi_init|^2`` of eq. 5, mean over valid frames.

    ``metric``: see :func:`.rotation_distance.squared_distance`. The root passes half a turn as soon as a person
    turns round, so ``axis_angle`` is safe only for those who do not. ``sure``: as in the term ``pose``.
    """

    metric: Literal["chordal", "geodesic", "axis_angle"] = "chordal"
    sure: PositiveFloat | None = None

    def build(self, ctx: ProblemContext) -> Energy:
        from .frames import frame_mean
        from .rotation_distance import squared_distance
        from .sureness import sureness

        weight: Tensor | float = 1.0
        if ctx.evidence is not None and self.sure is not None:
            weight = sureness(ctx.evidence.pose_var[:, :, 0], self.sure)

        def energy(scene: Scene) -> Tensor:
            distance = squared_distance(scene.motion.pose[:, :, 0], ctx.initial.pose[:, :, 0], self.metric)
            return frame_mean(distance * weight, ctx.observations.valid)

        return energy
