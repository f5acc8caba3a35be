"""From features back to a motion: the root's orientation is not among them and has to be found."""

from __future__ import annotations

import torch
from diffopt_core.rotation import nearest_rotation, yaw_to_matrix
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.mdm.features import kinematics, recover_rotations, root_path
from diffopt_priors.mdm.layout import NUM_FEATURE_JOINTS, POSITIONS


def recover_motion(
    features: Float[Tensor, "B T 263"], offsets: Float[Tensor, "24 3"]
) -> tuple[Float[Tensor, "B T 24 3 3"], Float[Tensor, "B T 3"]]:
    """Pose (joint 0 in the world) and pelvis (m) of embedded features: inverse of ``embed`` up to its gauge.

    The joints that the local rotations give a body with its pelvis upright are laid on the joints of the position
    block by the rotation of least squares (Kabsch). Exact where both blocks agree; hands keep their rest rotation.
    """
    root, yaw = root_path(features)
    eye = torch.eye(3).expand(*yaw.shape, 1, 3, 3)
    pose = torch.cat([eye, recover_rotations(features), eye.expand(-1, -1, 2, -1, -1)], dim=2)
    upright = kinematics(pose, torch.zeros_like(root), offsets)[:, :, 1:NUM_FEATURE_JOINTS]
    above = features[..., POSITIONS].unflatten(-1, (21, 3)) - (root * root.new_tensor([0.0, 1.0, 0.0])).unsqueeze(2)
    turn = nearest_rotation(above.mT @ upright)
    pose[:, :, 0] = yaw_to_matrix(yaw) @ turn
    return pose, root
