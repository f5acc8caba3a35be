"""The first frame keeps its place and heading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import NonNegativeFloat, PositiveInt

from ..config import TermConfig

if TYPE_CHECKING:
    from torch import Tensor

    from ..interfaces import Energy, ProblemContext
    from ..types import Scene


class AnchorConfig(TermConfig):
    """``|x_0 - x_init,0|^2`` (m^2) and the squared change of the heading, mean over the first valid ``frames``.

    Not in the paper: the prior sees neither world yaw nor horizontal position, so eq. 6 alone drifts in both.
    ``axes``: pins all three coordinates or only the horizontal ones. ``position`` and ``yaw`` weigh the parts; the
    heading is the root's forward axis seen from above, so a body that lies down has less of one to pin.
    """

    frames: PositiveInt = 1
    position: NonNegativeFloat = 1.0
    yaw: NonNegativeFloat = 1.0
    axes: Literal["all", "horizontal"] = "all"

    def build(self, ctx: ProblemContext) -> Energy:
        from .frames import frame_mean

        valid = ctx.observations.valid
        first = valid & (valid.long().cumsum(1) <= self.frames)
        axes = slice(None) if self.axes == "all" else slice(0, 3, 2)

        def heading(pose: Tensor) -> Tensor:
            return pose[:, :, 0, ::2, 2]

        def energy(scene: Scene) -> Tensor:
            moved = (scene.motion.trans - ctx.initial.trans)[..., axes].square().sum(-1)
            turned = (heading(scene.motion.pose) - heading(ctx.initial.pose)).square().sum(-1)
            return frame_mean(self.position * moved + self.yaw * turned, first)

        return energy
