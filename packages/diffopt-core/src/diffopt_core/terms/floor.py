"""No joint below the floor."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..config import TermConfig

if TYPE_CHECKING:
    from torch import Tensor

    from ..interfaces import Energy, ProblemContext
    from ..types import Scene


class FloorConfig(TermConfig):
    """Squared depth of the joints below ``clearance`` metres over y = 0, m^2, summed over joints, mean over frames.

    Not in the paper. A joint is inside the body: the ball of the foot is about 2 cm above the sole.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"joints"})

    clearance: float = 0.0

    def build(self, ctx: ProblemContext) -> Energy:
        from .frames import frame_mean, span

        counted = span(ctx.observations.valid)

        def energy(scene: Scene) -> Tensor:
            assert scene.joints is not None
            below = (self.clearance - scene.joints[..., 1]).clamp_min(0.0)
            return frame_mean(below.square().sum(-1), counted)

        return energy
