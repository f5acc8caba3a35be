"""The focal length near the given one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config import TermConfig

if TYPE_CHECKING:
    from torch import Tensor

    from ..interfaces import Energy, ProblemContext
    from ..types import Scene


class CameraFocalConfig(TermConfig):
    """``(log s_f)^2``, mean over all frames (not in the paper; ``s_f`` of sec. 3.3.2)."""

    def build(self, ctx: ProblemContext) -> Energy:
        from .logarithm import soft_log

        def energy(scene: Scene) -> Tensor:
            return soft_log(scene.residual["focal"]).square().mean((1, 2))

        return energy
