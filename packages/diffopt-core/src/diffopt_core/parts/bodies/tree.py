"""What every body on the SMPL tree shares: joints by forward kinematics, keypoints by anchors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor

from ...data.geometry import forward_kinematics
from ...data.skeleton import LAYOUTS, PARENTS
from ...errors import UnknownName
from ...types import HumanMotion
from .anchors import Anchors, attach, layout_rows


class TreeBody(ABC):
    """A body whose joints come from a rest skeleton and whose keypoints are anchored to its joints.

    Motions have leading ``B T``; ``motion.trans`` is the pelvis joint itself, so nothing is added to it but what
    lies between the pelvis and the point. (SMPL's ``transl`` is ``trans - rest pelvis``: see ``smpl_transl``.)
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
        """Raise if the motion carries a shape that is not this body's."""

    @abstractmethod
    def _offsets(self, anchors: Anchors, motion: HumanMotion) -> Float[Tensor, "#B *t J 24 3"]:
        """Offsets of the anchors for the motion's shape (and pose), m."""

    def served(self, layout: str) -> tuple[bool, ...]:
        """Which points of a layout this body has. The others sit on a joint near by and deserve no weight."""
        self._known(layout)
        return self._served[layout]

    def joints(self, motion: HumanMotion) -> Float[Tensor, "B T 24 3"]:
        """Joints in the world, m."""
        return self._posed(motion)[1] + motion.trans.unsqueeze(-2)

    def keypoints(self, motion: HumanMotion, layout: str) -> Float[Tensor, "B T J 3"]:
        """Points of ``layout`` in the world, m. Raises UnknownName."""
        return self.joints_and_keypoints(motion, layout)[1]

    def joints_and_keypoints(
        self, motion: HumanMotion, layout: str
    ) -> tuple[Float[Tensor, "B T 24 3"], Float[Tensor, "B T J 3"]]:
        """Both for the price of one forward kinematics."""
        self._known(layout)
        rotations, positions = self._posed(motion)
        trans = motion.trans.unsqueeze(-2)
        joints = positions + trans
        if layout == "smpl24":
            return joints, joints
        anchors = self._layouts[layout]
        if anchors.weight.dtype != positions.dtype or anchors.weight.device != positions.device:
            anchors = anchors.to(positions)
        points = attach(anchors.weight, self._offsets(anchors, motion), rotations, positions)
        return joints, points + trans

    def _posed(self, motion: HumanMotion) -> tuple[Float[Tensor, "B T 24 3 3"], Float[Tensor, "B T 24 3"]]:
        """Global rotations, and joints relative to the pelvis."""
        self._check(motion)
        rest = self.rest_joints(motion.betas).to(motion.pose)
        return forward_kinematics(motion.pose, rest.unsqueeze(-3), PARENTS)

    def _known(self, layout: str) -> None:
        if layout not in self._layouts:
            raise UnknownName("keypoint layout", layout, self._layouts)
