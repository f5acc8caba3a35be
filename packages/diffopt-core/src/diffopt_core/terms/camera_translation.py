"""A small translation bias of the camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import PositiveFloat

from ..config import TermConfig

if TYPE_CHECKING:
    from torch import Tensor

    from ..interfaces import Energy, ProblemContext
    from ..types import Scene


class CameraTranslationConfig(TermConfig):
    """``|b_t|^2``, m^2, mean over all frames (not in the paper; ``b_t`` of sec. 3.3.2).

    ``robust``: width of a Geman-McClure error, m.
    """

    robust: PositiveFloat | None = None

    def build(self, ctx: ProblemContext) -> Energy:
        from .robust import maybe_robust

        def energy(scene: Scene) -> Tensor:
            return maybe_robust(scene.residual["translation"].square().sum(-1), self.robust).mean(1)

        return energy
