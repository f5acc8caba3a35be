"""A root that moves as it did at first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import PositiveFloat, PositiveInt

from ..config import TermConfig

if TYPE_CHECKING:
    from torch import Tensor

    from ..interfaces import Energy, ProblemContext
    from ..types import Scene


class VelocityConfig(TermConfig):
    """Squared difference of the root's velocity from the initial one, (m/s)^2, mean over valid frames.

    Not in the paper. Unlike the translation term it lets a path move as a whole. ``gap``: frames that a velocity
    is taken over; ``robust``: width of a Geman-McClure error, m/s.
    """

    gap: PositiveInt = 1
    robust: PositiveFloat | None = None

    def build(self, ctx: ProblemContext) -> Energy:
        from .frames import frame_mean, steps
        from .robust import maybe_robust

        gap, rate = self.gap, ctx.fps / self.gap
        counted = steps(ctx.observations.valid, gap)

        def energy(scene: Scene) -> Tensor:
            away = scene.motion.trans - ctx.initial.trans
            error = (away[:, gap:] - away[:, :-gap]) * rate
            return frame_mean(maybe_robust(error.square().sum(-1), self.robust), counted)

        return energy
