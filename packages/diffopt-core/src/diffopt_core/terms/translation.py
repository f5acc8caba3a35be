"""Root translation near the initial one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import PositiveFloat

from ..config import TermConfig

if TYPE_CHECKING:
    from torch import Tensor

    from ..interfaces import Energy, ProblemContext
    from ..types import Scene


class TranslationConfig(TermConfig):
    """``|f_x(tau_t) - x_init|^2`` of eq. 5, m^2, mean over valid frames.

    ``robust``: width of a Geman-McClure error, m; without it the error is squared as in the paper.
    ``axes``: all three, or only the horizontal or the vertical ones.
    """

    robust: PositiveFloat | None = None
    axes: Literal["all", "horizontal", "vertical"] = "all"

    def build(self, ctx: ProblemContext) -> Energy:
        from .frames import frame_mean
        from .robust import maybe_robust

        axes = {"all": slice(None), "horizontal": slice(0, 3, 2), "vertical": slice(1, 2)}[self.axes]

        def energy(scene: Scene) -> Tensor:
            error = (scene.motion.trans - ctx.initial.trans)[..., axes]
            return frame_mean(maybe_robust(error.square().sum(-1), self.robust), ctx.observations.valid)

        return energy
