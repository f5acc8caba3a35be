"""A camera correction without jumps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import NonNegativeFloat

from ..config import TermConfig

if TYPE_CHECKING:
    from torch import Tensor

    from ..interfaces import Energy, ProblemContext
    from ..types import Scene


class CameraSmoothConfig(TermConfig):
    """Squared change over time, mean over all frames (not in the paper, which frees every frame on its own).

    ``of``: ``residual`` looks at ``b_t`` (m), ``b_R`` and ``s_t``, and so does not mind a path that was shaken
    when it was given; ``path`` looks at the camera's centre (m) and rotation matrix. ``order`` 1 is velocity,
    2 acceleration; time is in seconds. ``position``, ``rotation``, ``scale`` weigh the parts.
    """

    of: Literal["residual", "path"] = "residual"
    order: Literal[1, 2] = 2
    position: NonNegativeFloat = 1.0
    rotation: NonNegativeFloat = 1.0
    scale: NonNegativeFloat = 1.0

    def build(self, ctx: ProblemContext) -> Energy:
        count = max(ctx.camera.t.shape[1] - self.order, 1)
        rate = ctx.fps ** (2 * self.order) / count

        def change(path: Tensor) -> Tensor:
            # A part that is one value a clip has no differences; it sums to zero.
            return path.diff(n=min(self.order, path.shape[1]), dim=1).square().flatten(1).sum(1) * rate

        def energy(scene: Scene) -> Tensor:
            if self.of == "path":
                return self.position * change(scene.camera.position) + self.rotation * change(scene.camera.R)
            residual = scene.residual
            moving = self.position * change(residual["translation"]) + self.rotation * change(residual["rotation"])
            return moving + self.scale * change(residual["scale"])

        return energy
