"""Linear blend skinning of SMPL-like bodies (Loper et al. 2015, eq. 2-5), on rotation matrices.

All points are relative to the posed pelvis: the caller adds ``trans``, which is the pelvis joint itself.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def shape_blend(
    template: Float[Tensor, "V 3"], shapedirs: Float[Tensor, "V 3 K"], betas: Float[Tensor, "B K"]
) -> Float[Tensor, "B V 3"]:
    """Rest vertices of a shape, m (eq. 8: ``T + sum_k beta_k S_k``)."""
    return template + torch.einsum("vdk,bk->bvd", shapedirs, betas)


def pose_feature(pose: Float[Tensor, "*b 24 3 3"]) -> Float[Tensor, "*b 207"]:
    """Entries of ``R_j - I`` of the 23 body joints, row by row: what ``posedirs`` multiplies (eq. 9)."""
    identity = torch.eye(3, dtype=pose.dtype, device=pose.device)
    return (pose[..., 1:, :, :] - identity).flatten(-3)


def skin(
    vertices: Float[Tensor, "*#b V 3"],
    weights: Float[Tensor, "V J"],
    rotations: Float[Tensor, "*b J 3 3"],
    positions: Float[Tensor, "*b J 3"],
    rest_joints: Float[Tensor, "*#b J 3"],
) -> Float[Tensor, "*b V 3"]:
    """Posed vertices ``sum_j w_vj (G_j (v - r_j) + p_j)``, m.

    ``rotations``, ``positions``: global ``G_j``, ``p_j`` of forward kinematics. ``vertices`` and ``rest_joints``
    are of the rest pose and share one origin; their leading dimensions broadcast.
    """
    moved = positions - (rotations @ rest_joints.unsqueeze(-1)).squeeze(-1)
    affine = weights @ torch.cat([rotations.flatten(-2), moved], dim=-1)  # *b V 12: blended G and p - G r
    turned = affine[..., :9].unflatten(-1, (3, 3)) @ vertices.unsqueeze(-1)
    return turned.squeeze(-1) + affine[..., 9:]
