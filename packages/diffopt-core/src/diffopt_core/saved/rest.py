"""The rest skeleton behind posed joints: what the bones are, whatever body they came from."""

from __future__ import annotations

import torch
from torch import Tensor

from ..geometry import forward_kinematics
from ..skeleton import PARENTS


def rest_from_joints(pose: Tensor, joints: Tensor) -> Tensor:
    """(24, 3) T-pose joints about the pelvis, from rotations (T, 24, 3, 3) and joints (T, 24, 3): each bone in its
    parent's frame, averaged over the frames."""
    rotations, _ = forward_kinematics(pose, torch.zeros_like(joints), PARENTS)
    rest = joints.new_zeros(24, 3)
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            bone = joints[:, joint] - joints[:, parent]
            rest[joint] = rest[parent] + (rotations[:, parent].mT @ bone.unsqueeze(-1)).squeeze(-1).mean(0)
    return rest


def posed(pose: Tensor, trans: Tensor, rest: Tensor) -> Tensor:
    """Joints (T, 24, 3) of a skeleton in the world, m."""
    return forward_kinematics(pose, rest, PARENTS)[1] + trans.unsqueeze(-2)
