"""A root that moves as the initializer's evidence says, as far as it is sure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import PositiveFloat

from ..config import TermConfig

if TYPE_CHECKING:
    from torch import Tensor

    from ..interfaces import Energy, ProblemContext
    from ..types import Scene


class SpeedConfig(TermConfig):
    """Squared difference of the root's velocity, in the frame of its heading, from the evidence's, in standard
    deviations of that evidence, mean over axes and valid frames (not in the paper).

    0 for clips whose initializer tells no speed. No gradient flows through the heading: a person is not turned to make
    the speed fit. ``floor``: standard deviation below which nothing is believed, m/s. ``robust``: width of a
    Geman-McClure error, standard deviations.
    """

    floor: PositiveFloat = 0.05
    robust: PositiveFloat | None = 3.0

    def build(self, ctx: ProblemContext) -> Energy:
        import torch

        from ..geometry import heading
        from .frames import frame_mean, steps
        from .robust import maybe_robust

        evidence, counted = ctx.evidence, steps(ctx.observations.valid)
        if evidence is None:
            return lambda scene: scene.motion.trans.sum((1, 2)) * 0.0
        told = 0.5 * (evidence.velocity[:, 1:] + evidence.velocity[:, :-1])
        weight = 1 / (0.5 * (evidence.velocity_var[:, 1:] + evidence.velocity_var[:, :-1]) + self.floor**2)
        up = torch.tensor([0.0, 1.0, 0.0]).to(told)

        def energy(scene: Scene) -> Tensor:
            left = scene.motion.pose[:, :, 0, :, 0].detach()
            left = left[:, 1:] + left[:, :-1]
            axes = heading(left, up.expand_as(left))
            moved = scene.motion.trans.diff(dim=1) * ctx.fps
            error = (axes @ moved.unsqueeze(-1)).squeeze(-1) - told
            return frame_mean(maybe_robust((error.square() * weight).mean(-1), self.robust), counted)

        return energy
