"""A small rotation bias of the camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config import TermConfig

if TYPE_CHECKING:
    from torch import Tensor

    from ..interfaces import Energy, ProblemContext
    from ..types import Scene


class CameraRotationConfig(TermConfig):
    """``|b_R|^2``, mean over all frames (not in the paper, whose eq. 7 leaves the bias of sec. 3.3.2 free)."""

    def build(self, ctx: ProblemContext) -> Energy:
        def energy(scene: Scene) -> Tensor:
            return scene.residual["rotation"].square().sum(-1).mean(1)

        return energy
