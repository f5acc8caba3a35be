"""``prior/none``: no prior. For ablations, and to see what the data terms do alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...config import TermConfig

if TYPE_CHECKING:
    from torch import Tensor

    from ...interfaces import Energy, ProblemContext
    from ...types import Scene


class NoPriorConfig(TermConfig):
    """An energy that is zero everywhere."""

    def build(self, ctx: ProblemContext) -> Energy:
        """``energy(scene) -> [B]`` zeros, attached to the motion so that a block of this term alone still steps."""

        def energy(scene: Scene) -> Tensor:
            return 0.0 * scene.motion.trans.sum((1, 2))

        return energy
