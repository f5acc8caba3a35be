"""The body behind :mod:`diffopt_core.parts.bodies.stick` (apart from it, so that its config imports no torch)."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.skeleton import JOINT, JOINTS
from ...errors import DiffOptError
from ...interfaces import BuildContext
from ...types import HumanMotion
from .anchors import Anchors, joint_anchors
from .stick import NAME, OFFSETS_HEIGHT, StickConfig, anchored_points
from .tree import TreeBody


class NoSkeleton(DiffOptError):
    """The stick body was asked for without a rest skeleton."""


def stick_of(config: StickConfig, ctx: BuildContext) -> StickBody:
    """The body of the clip's rest skeleton. Raises NoSkeleton."""
    rest = getattr(ctx, "rest_joints", None)
    if rest is None:
        raise NoSkeleton(
            "body 'stick' needs rest_joints (24 T-pose joints, m) and the clip has none: "
            "add the key to the case file, or use --body anny24"
        )
    return StickBody(rest.to(ctx.device))


@final
class StickBody(TreeBody):
    """Joints only; betas have no effect and any model's are let through."""

    def __init__(self, rest: Float[Tensor, "*#B 24 3"]):
        """``rest``: T-pose joints, m, of all clips or of each; only differences to the pelvis matter."""
        rest = rest if rest.dim() == 3 else rest.unsqueeze(0)
        self._rest = rest - rest[:, :1]
        ankles = rest[:, [JOINT["left_ankle"], JOINT["right_ankle"]], 1].mean(1)
        self._size = (rest[:, JOINT["head"], 1] - ankles) / OFFSETS_HEIGHT
        anchors, rows = _anchors(rest)
        super().__init__(NAME, anchors, rows)

    def rest_joints(self, betas: Float[Tensor, "B 10"]) -> Float[Tensor, "B 24 3"]:
        """T-pose joints relative to the pelvis, m, whatever the betas."""
        return self._rest.expand(betas.shape[0], -1, -1)

    def _check(self, motion: HumanMotion) -> None:
        pass

    def _offsets(self, anchors: Anchors, motion: HumanMotion) -> Float[Tensor, "#B J 24 3"]:
        return anchors.scaled(self._size.to(anchors.offset))


def _anchors(like: Tensor) -> tuple[Anchors, dict[str, int]]:
    points = anchored_points()
    weight, offset = like.new_zeros(len(points), 24), like.new_zeros(len(points), 24, 3)
    for i, (joint, place) in enumerate(points.values()):
        weight[i, joint] = 1.0
        offset[i, joint] = torch.tensor(place, dtype=like.dtype)
    own = joint_anchors(like.dtype, like.device)
    anchors = Anchors(torch.cat([weight, own.weight]), torch.cat([offset, own.offset]))
    names = [*points, *(f"joint:{name}" for name in JOINTS)]
    return anchors, {name: i for i, name in enumerate(names)}
