"""Feet from their 2D points: the detector's 3D feet are small, and shrink to nothing when they point away.

Across the ray a foot is as long as the image says at its depth; along the ray it has the rest of its known length,
towards or away from the camera as the shin's front and the 3D landmarks say.
"""

from __future__ import annotations

import torch
from diffopt_core.skeleton import BLAZEPOSE33, JOINT
from jaxtyping import Float
from torch import Tensor

from .flat import Rays
from .rest import RestBody


def lift_feet(
    landmarks: Float[Tensor, "T 33 3"],
    rays: Rays,
    rotations: Float[Tensor, "T 24 3 3"],
    depth: Float[Tensor, "T 24"],
    rest: RestBody,
) -> Float[Tensor, "T 33 3"]:
    """Landmarks with each foot index moved to where the image sees it from the heel, if it sees both.

    ``rotations`` and ``depth`` (m): of the joints in the camera frame, of a first estimate of the body.
    """
    out = landmarks.clone()
    for side in ("left", "right"):
        heel, toe = (BLAZEPOSE33.index(f"{side}_{part}") for part in ("heel", "foot_index"))
        length = (rest.points[toe] - rest.points[heel]).norm()
        ray = (rays.ray[:, toe] + rays.ray[:, heel]) / 2
        across = (rays.ray[:, toe] - rays.ray[:, heel]) * depth[:, JOINT[f"{side}_ankle"], None]
        left = (length.square() - across.square().sum(-1)).clamp_min(0.0).sqrt()
        front = rotations[:, JOINT[f"{side}_knee"], :, 2]
        told = landmarks[:, toe] - landmarks[:, heel] + length * front / 2
        along = torch.where((told * _with_one(ray)).sum(-1) < 0, -left, left)
        # a point that moves along its ray by dz moves across by ray * dz
        foot = torch.cat([across + ray * along[:, None], along[:, None]], -1)
        seen = (rays.steering[:, [heel, toe]] > 0).all(-1, keepdim=True)
        out[:, toe] = torch.where(seen, landmarks[:, heel] + foot, landmarks[:, toe])
    return out


def _with_one(ray: Tensor) -> Tensor:
    return torch.cat([ray, torch.ones_like(ray[..., :1])], -1)
