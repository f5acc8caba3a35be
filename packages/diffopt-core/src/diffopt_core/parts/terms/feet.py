"""Terms of the floor: foot contact and penetration."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, PositiveFloat

from ...config import TermConfig
from ...data.skeleton import FEET

if TYPE_CHECKING:
    from torch import Tensor

    from ...interfaces import Energy, ProblemContext
    from ...types import Scene


#: Height of the lowest joint of a standing body above the floor, m.
_SOLE = 0.03


class ContactConfig(TermConfig):
    """Squared velocity of ankles and feet in contact, (m/s)^2, mean over the four and over frames (not in the paper).

    Contact is soft and detached: it falls from 1 to 0 around ``height`` metres above the joint's height in standing,
    and around a speed of ``speed`` m/s. The lowest joint of the standing body is 3 cm above the floor. ``told``: weight
    in [0, 1] of the initializer's contact probabilities, if it estimates them; they also work if the floor is tilted.
    """

    ragged: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"joints"})

    retired: ClassVar = {"sole": 0.03}

    height: PositiveFloat = 0.06
    speed: PositiveFloat = 0.5
    told: float = Field(0.0, ge=0, le=1)

    def build(self, ctx: ProblemContext) -> Energy:
        import torch

        from ...data.invariant import elementwise
        from .kit import frame_mean, span, steps

        counted = steps(span(ctx.observations.valid))
        assert ctx.body is not None
        rest = ctx.body.rest_joints(ctx.initial.betas)[..., 1]
        index = torch.tensor(FEET, device=rest.device)
        standing = (rest - rest.amin(-1, keepdim=True)).index_select(1, index).unsqueeze(1) + _SOLE

        told = None
        if ctx.evidence is not None and self.told:
            told = self.told * 0.5 * (ctx.evidence.contact[:, 1:] + ctx.evidence.contact[:, :-1])

        def energy(scene: Scene) -> Tensor:
            assert scene.joints is not None
            feet = scene.joints.index_select(2, index)
            squared = (feet.diff(dim=1) * ctx.fps).square().sum(-1)
            middle = 0.5 * (feet[:, 1:, :, 1] + feet[:, :-1, :, 1])
            low = elementwise(torch.sigmoid, (self.height - (middle - standing)) / (0.25 * self.height))
            slow = elementwise(torch.sigmoid, (self.speed - squared.detach().sqrt()) / (0.25 * self.speed))
            stands = low * slow if told is None else (1 - self.told) * low * slow + told
            return frame_mean((stands.detach() * squared).mean(-1), counted)

        return energy


class FloorConfig(TermConfig):
    """Squared depth of the joints below ``clearance`` metres over y = 0, m^2, summed over joints, mean over frames.

    Not in the paper. A joint is inside the body: the ball of the foot is about 2 cm above the sole.
    """

    ragged: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"joints"})

    clearance: float = 0.0

    def build(self, ctx: ProblemContext) -> Energy:
        from .kit import frame_mean, span

        counted = span(ctx.observations.valid)

        def energy(scene: Scene) -> Tensor:
            assert scene.joints is not None
            below = (self.clearance - scene.joints[..., 1]).clamp_min(0.0)
            return frame_mean(below.square().sum(-1), counted)

        return energy
