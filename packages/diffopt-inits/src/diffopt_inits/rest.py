"""The rest body of the inverse kinematics: SMPL joints, and BlazePose points fixed to them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffopt_core.data.geometry import forward_kinematics
from diffopt_core.data.skeleton import BLAZEPOSE33, JOINT, NUM_JOINTS, PARENTS
from diffopt_core.interfaces import Body
from diffopt_core.types import HumanMotion
from jaxtyping import Float
from torch import Tensor

LAYOUT = "blazepose33"
#: SMPL joint for points that are not joints, by the first of these words in the point's name (``left_foot_index``:
#: foot); ``{s}`` is the side.
_RIDES_ON = {
    "foot": "{s}_foot", "heel": "{s}_ankle", "pinky": "{s}_wrist", "index": "{s}_wrist", "thumb": "{s}_wrist",
}  # fmt: skip


def _joint_of(point: str) -> int:
    if point in JOINT:
        return JOINT[point]
    words = point.split("_")
    for part, joint in _RIDES_ON.items():
        if part in words:
            return JOINT[joint.format(s=words[0])]
    return JOINT["head"]


#: SMPL joint to which each BlazePose point is fixed.
JOINT_OF: tuple[int, ...] = tuple(_joint_of(point) for point in BLAZEPOSE33)
_IS_JOINT = torch.tensor([point in JOINT for point in BLAZEPOSE33])


@dataclass(frozen=True)
class RestBody:
    """``joints``: T-pose, relative to the pelvis, m. ``offsets``: from each point's joint to the point, m."""

    joints: Float[Tensor, "24 3"]
    offsets: Float[Tensor, "33 3"]

    @property
    def points(self) -> Float[Tensor, "33 3"]:
        """BlazePose points of the T-pose, relative to the pelvis, m."""
        return self.joints[list(JOINT_OF)] + self.offsets

    def pose(
        self, pose: Float[Tensor, "T 24 3 3"]
    ) -> tuple[Float[Tensor, "T 24 3 3"], Float[Tensor, "T 24 3"], Float[Tensor, "T 33 3"]]:
        """Global rotations, joints and BlazePose points relative to the pelvis, m."""
        rotations, joints = forward_kinematics(pose, self.joints, PARENTS)
        arms = rotations[:, list(JOINT_OF)] @ self.offsets.unsqueeze(-1)
        return rotations, joints, joints[:, list(JOINT_OF)] + arms.squeeze(-1)


def rest_body(body: Body, rest_joints: Float[Tensor, "24 3"] | None) -> RestBody:
    """Mean shape of a body; with ``rest_joints`` that skeleton, with face, fingers and feet scaled to its height.

    The limb points of a skeleton are its joints; those of a mesh are its keypoints.
    """
    betas = torch.zeros(1, 10)
    still = HumanMotion(torch.eye(3).expand(1, 1, NUM_JOINTS, 3, 3), torch.zeros(1, 1, 3), betas, body.name)
    own = body.rest_joints(betas)[0].detach().float().cpu()
    points = body.keypoints(still, LAYOUT)[0, 0].detach().float().cpu()
    offsets = points - own[list(JOINT_OF)]
    if rest_joints is None:
        return RestBody(own, offsets)
    other = rest_joints.detach().float().cpu()
    other = other - other[0]
    return RestBody(other, torch.where(_IS_JOINT[:, None], 0.0, offsets * (_height(other) / _height(own))))


def _height(joints: Tensor) -> Tensor:
    return joints[JOINT["head"], 1] - joints[[JOINT["left_ankle"], JOINT["right_ankle"]], 1].mean()
