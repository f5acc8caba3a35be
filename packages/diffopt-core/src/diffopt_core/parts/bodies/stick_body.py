"""Bodies on the SMPL tree by forward kinematics, and the stick body."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.chain import as_matrices, bones, kinematics
from ...data.skeleton import JOINT, JOINTS, LAYOUTS, PARENTS
from ...errors import DiffOptError, UnknownName
from ...interfaces import BuildContext
from ...types import HumanMotion
from .anchors import Anchors, attach, joint_anchors, layout_rows
from .stick import NAME, OFFSETS_HEIGHT, StickConfig, anchored_points


class TreeBody(ABC):
    """A body whose joints come from a rest skeleton and whose keypoints are anchored to its joints.

    Motions have leading ``B T``; ``motion.trans`` is the pelvis joint. (SMPL's ``transl`` is ``trans - rest pelvis``:
    see ``smpl_transl``.)
    """

    name: str

    def __init__(self, name: str, points: Anchors, rows: Mapping[str, int]):
        """``points``: the named anchors; ``rows``: name -> row among them."""
        self.name = name
        self._layouts: dict[str, Anchors] = {}
        self._served: dict[str, tuple[bool, ...]] = {}
        for layout in LAYOUTS:
            pick, self._served[layout] = layout_rows(layout, rows)
            self._layouts[layout] = points.mixed(pick.to(points.weight))

    @abstractmethod
    def rest_joints(self, betas: Float[Tensor, "B 10"]) -> Float[Tensor, "B 24 3"]:
        """T-pose joints relative to the pelvis, m."""

    @abstractmethod
    def _check(self, motion: HumanMotion) -> None:
        """Raise if the motion has betas that do not belong to this body."""

    @abstractmethod
    def _offsets(self, anchors: Anchors, motion: HumanMotion) -> Float[Tensor, "#B *t J 24 3"]:
        """Offsets of the anchors for the motion's shape (and pose), m."""

    def served(self, layout: str) -> tuple[bool, ...]:
        """Which points of a layout this body has. The others are placed on a nearby joint and must get weight 0."""
        self._known(layout)
        return self._served[layout]

    def joints(self, motion: HumanMotion) -> Float[Tensor, "B T 24 3"]:
        """Joints in the world, m."""
        return _in_world(self._moved(motion)[:, :, 3], motion)

    def keypoints(self, motion: HumanMotion, layout: str) -> Float[Tensor, "B T J 3"]:
        """Points of ``layout`` in the world, m. Raises UnknownName."""
        return self.joints_and_keypoints(motion, layout)[1]

    def joints_and_keypoints(
        self, motion: HumanMotion, layout: str
    ) -> tuple[Float[Tensor, "B T 24 3"], Float[Tensor, "B T J 3"]]:
        """Joints and keypoints from one forward kinematics."""
        self._known(layout)
        moved = self._moved(motion)
        joints = _in_world(moved[:, :, 3], motion)
        if layout == "smpl24":
            return joints, joints
        anchors = self._layouts[layout]
        if anchors.weight.dtype != moved.dtype or anchors.weight.device != moved.device:
            anchors = anchors.to(moved)
        return joints, _in_world(attach(anchors.weight, self._offsets(anchors, motion), moved), motion)

    def _posed(self, motion: HumanMotion) -> tuple[Float[Tensor, "B T 24 3 3"], Float[Tensor, "B T 24 3"]]:
        """Global rotations, and joints relative to the pelvis."""
        moved = as_matrices(self._moved(motion))
        return moved[..., :3], moved[..., 3]

    def _moved(self, motion: HumanMotion) -> Float[Tensor, "B 3 4 24 T"]:
        """Global rotations and, in the fourth column, joints relative to the pelvis."""
        self._check(motion)
        rest = self.rest_joints(motion.betas).to(motion.pose)
        return kinematics(motion.pose, bones(rest, PARENTS).unsqueeze(1), PARENTS)

    def _known(self, layout: str) -> None:
        if layout not in self._layouts:
            raise UnknownName("keypoint layout", layout, self._layouts)


def _in_world(points: Float[Tensor, "B 3 J T"], motion: HumanMotion) -> Float[Tensor, "B T J 3"]:
    return (points + motion.trans.mT.unsqueeze(2)).permute(0, 3, 2, 1)


class NoSkeleton(DiffOptError):
    """The stick body was requested, but there is no rest skeleton."""


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
    """Joints only; betas of any model are accepted and have no effect."""

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
