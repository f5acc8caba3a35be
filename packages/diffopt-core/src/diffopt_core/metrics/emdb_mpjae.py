"""Error of the joint orientations."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..geometry import forward_kinematics
from ..interfaces import Scored
from ..rotation import geodesic
from ..skeleton import NUM_JOINTS, PARENTS
from ..types import HumanMotion
from .alignment import fitted
from .evidence import NotScorable, ScoredMotion, camera_pair, camera_rotations

#: Root, hips, knees, shoulders and elbows.
JOINTS = (0, 1, 2, 4, 5, 16, 17, 18, 19)


def orientations(motion: HumanMotion) -> Float[Tensor, "T 24 3 3"]:
    """Rotation of every joint from the rest pose into the world: the product of those above it."""
    pose = motion.pose.double()
    return forward_kinematics(pose, pose.new_zeros(NUM_JOINTS, 3), PARENTS)[0]


@dataclass(frozen=True)
class EmdbMpjae:
    """Mean angle between predicted and true orientations of nine joints in the camera frame, deg, a value a frame.

    Orientations are global (rest pose to camera). Alignment: none, or with ``procrustes`` the rotation of each
    frame's Procrustes fit of the joints. Source: EMDB (Kaufmann et al., ICCV 2023), ``evaluation_metrics.py``.
    """

    procrustes: bool = False
    unit = "deg"

    def __call__(self, scored: Scored) -> Float[Tensor, "T"]:
        if not isinstance(scored, ScoredMotion) or scored.pred_motion is None or scored.true_motion is None:
            raise NotScorable("needs the rotations of both the prediction and the truth")
        pred_camera, true_camera = camera_rotations(scored)
        pred = pred_camera[:, None] @ orientations(scored.pred_motion)
        true = true_camera[:, None] @ orientations(scored.true_motion)
        if not (pred.isfinite().all() and true.isfinite().all()):
            raise NotScorable("some rotations are not finite")
        if self.procrustes:
            R, _, _ = fitted(*camera_pair(scored), scale=True)
            pred = R[:, None] @ pred
        return torch.rad2deg(geodesic(pred[:, list(JOINTS)], true[:, list(JOINTS)])).mean(-1)
