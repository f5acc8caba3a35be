"""A body of 24 joints and no surface, needed by nobody but tests."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from ..geometry import forward_kinematics
from ..skeleton import JOINT, LAYOUTS, PARENTS
from ..types import HumanMotion

#: T-pose of the stick body relative to the pelvis, m: x left, y up, z forward.
_REST = (
    (0.00, 0.00, 0.00), (0.09, -0.09, 0.00), (-0.09, -0.09, 0.00), (0.00, 0.11, -0.02), (0.10, -0.47, 0.00),
    (-0.10, -0.47, 0.00), (0.00, 0.25, 0.00), (0.09, -0.87, -0.03), (-0.09, -0.87, -0.03), (0.00, 0.30, 0.02),
    (0.11, -0.93, 0.09), (-0.11, -0.93, 0.09), (0.00, 0.52, -0.02), (0.08, 0.42, -0.01), (-0.08, 0.42, -0.01),
    (0.00, 0.60, 0.03), (0.18, 0.45, -0.02), (-0.18, 0.45, -0.02), (0.44, 0.44, -0.03), (-0.44, 0.44, -0.03),
    (0.70, 0.44, -0.03), (-0.70, 0.44, -0.03), (0.78, 0.44, -0.03), (-0.78, 0.44, -0.03),
)  # fmt: skip

#: Joint nearest to a keypoint that is not a joint.
_NEAREST = {
    "hip": "hip", "knee": "knee", "ankle": "ankle", "toe": "foot", "foot": "foot", "heel": "ankle",
    "shoulder": "shoulder", "elbow": "elbow", "wrist": "wrist", "pinky": "hand", "index": "hand", "thumb": "hand",
}  # fmt: skip


class StickBody:
    """Implements :class:`diffopt_core.interfaces.Body` without a mesh; ``betas[0]`` is its size, 5 % a unit."""

    name = "stick"

    def rest_joints(self, betas: Tensor) -> Tensor:
        return _rest(betas.device, betas.dtype) * (1.0 + 0.05 * betas[..., :1, None])

    def joints(self, motion: HumanMotion) -> Tensor:
        _, where = forward_kinematics(motion.pose, self.rest_joints(motion.betas).unsqueeze(-3), PARENTS)
        return where + motion.trans.unsqueeze(-2)

    def keypoints(self, motion: HumanMotion, layout: str) -> Tensor:
        joints = self.joints(motion).unbind(-2)
        return torch.stack([joints[_joint_of(name)] for name in LAYOUTS[layout]], -2)


@lru_cache
def _rest(device: torch.device, dtype: torch.dtype) -> Tensor:
    return torch.tensor(_REST, device=device, dtype=dtype)


def _joint_of(keypoint: str) -> int:
    if keypoint in JOINT:
        return JOINT[keypoint]
    if keypoint == "mid_hip":
        return JOINT["pelvis"]
    side, _, rest = keypoint.partition("_")
    first, last = rest.split("_")[0], rest.split("_")[-1]
    part = _NEAREST.get(first) or _NEAREST.get(last)
    return JOINT[f"{side}_{part}"] if part else JOINT["head"]
