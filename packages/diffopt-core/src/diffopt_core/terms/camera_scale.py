"""The scale of the camera's path near 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config import TermConfig

if TYPE_CHECKING:
    from torch import Tensor

    from ..interfaces import Energy, ProblemContext
    from ..types import Scene


class CameraScaleConfig(TermConfig):
    """``(log s_t)^2``, mean over all frames (not in the paper; ``s_t`` of sec. 3.3.2)."""

    def build(self, ctx: ProblemContext) -> Energy:
        from .logarithm import soft_log

        def energy(scene: Scene) -> Tensor:
            return soft_log(scene.residual["scale"]).square().mean((1, 2))

        return energy
