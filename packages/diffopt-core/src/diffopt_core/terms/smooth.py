"""Joints that accelerate little."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import PositiveFloat

from ..config import TermConfig

if TYPE_CHECKING:
    from torch import Tensor

    from ..interfaces import Energy, ProblemContext
    from ..types import Scene


class SmoothConfig(TermConfig):
    """Squared acceleration of the 24 joints, (m/s^2)^2, mean over joints and frames (not in the paper).

    ``order`` 3 takes the jerk, (m/s^3)^2. ``robust``: width of a Geman-McClure error in the same units before
    squaring, so that a landing or a kick is not paid for in full.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"joints"})

    order: Literal[2, 3] = 2
    robust: PositiveFloat | None = None

    def build(self, ctx: ProblemContext) -> Energy:
        from .frames import frame_mean, span, steps
        from .robust import maybe_robust

        counted = steps(span(ctx.observations.valid), order=self.order)
        rate = ctx.fps**self.order

        def energy(scene: Scene) -> Tensor:
            assert scene.joints is not None
            squared = (scene.joints.diff(n=self.order, dim=1) * rate).square().sum(-1)
            return frame_mean(maybe_robust(squared, self.robust).mean(-1), counted)

        return energy
