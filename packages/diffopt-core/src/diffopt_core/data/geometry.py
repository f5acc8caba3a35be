"""Rigid transforms, projection, alignment. Shapes and frames as in :mod:`diffopt_core.types`."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from .chain import as_matrices, bones, kinematics
from .rotation import nearest_rotation
from .skeleton import JOINT


def world_to_camera(
    points: Float[Tensor, "*b N 3"], R: Float[Tensor, "*b 3 3"], t: Float[Tensor, "*b 3"]
) -> Float[Tensor, "*b N 3"]:
    """``x_cam = R x_world + t`` (the paper's eq. 9 subtracts its t: negate that one on entry)."""
    return points @ R.mT + t.unsqueeze(-2)


def camera_to_world(
    points: Float[Tensor, "*b N 3"], R: Float[Tensor, "*b 3 3"], t: Float[Tensor, "*b 3"]
) -> Float[Tensor, "*b N 3"]:
    """Inverse of :func:`world_to_camera`."""
    return (points - t.unsqueeze(-2)) @ R


#: Least depth of a projected point, m.
NEAREST = 0.05


def project(
    points_cam: Float[Tensor, "*b N 3"],
    focal: Float[Tensor, "*b 2"],
    centre: Float[Tensor, "*b 2"],
) -> Float[Tensor, "*b N 2"]:
    """Pinhole projection to pixels. Depth is clamped at 5 cm, so that a point behind the camera gives a large, finite
    pixel coordinate and not its mirror image."""
    depth = points_cam[..., 2:].clamp_min(NEAREST)
    return points_cam[..., :2] / depth * focal.unsqueeze(-2) + centre.unsqueeze(-2)


def forward_kinematics(
    pose: Float[Tensor, "*b J 3 3"], rest: Float[Tensor, "*#b J 3"], parents: tuple[int, ...]
) -> tuple[Float[Tensor, "*b J 3 3"], Float[Tensor, "*b J 3"]]:
    """Global rotations and joint positions relative to joint 0.

    ``rest``: rest positions; only their differences matter. ``parents[0]`` is -1 and joints are numbered by depth,
    as SMPL's are. Gradients hold for rotations (:func:`.chain.chain`).
    """
    posed = as_matrices(kinematics(pose, bones(rest, parents), parents))
    posed = posed.reshape(*pose.shape[:-1], 4)
    return posed[..., :3], posed[..., 3]


def heading(left: Float[Tensor, "*b 3"], up: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3 3"]:
    """Heading frame of a body: rows left, up, forward.

    ``left``: the pelvis' x axis; its horizontal part is used, because it stays level when people bend, crawl or lie on
    their back. ``up``: unit vector.
    """
    flat = left - (left * up).sum(-1, keepdim=True) * up
    flat = torch.nn.functional.normalize(flat, dim=-1)
    return torch.stack([flat, up, torch.linalg.cross(flat, up)], -2)


def leg_length(offsets: Float[Tensor, "*b 24 3"]) -> Float[Tensor, "*b"]:
    """Thigh plus shin, mean of both sides (m). The root path scales with it between bodies."""
    names = ("left_knee", "right_knee", "left_ankle", "right_ankle")
    return offsets[..., [JOINT[n] for n in names], :].norm(dim=-1).sum(-1) / 2


def align(
    source: Float[Tensor, "*b N 3"], target: Float[Tensor, "*b N 3"], scale: bool
) -> tuple[Float[Tensor, "*b 3 3"], Float[Tensor, "*b 3"], Float[Tensor, "*b"]]:
    """Umeyama: ``R, t, s`` minimising ``sum |target - (s R source + t)|^2`` (s = 1 unless ``scale``)."""
    even = source.new_full((1,), 1 / source.shape[-2]).expand(source.shape[:-1])
    mean = torch.einsum("...k,...ki->...i", even, source)
    middle = torch.einsum("...k,...ki->...i", even, target)
    x, y = source - mean.unsqueeze(-2), target - middle.unsqueeze(-2)
    covariance = torch.einsum("...k,...ki,...kj->...ij", even, y, x)
    R = nearest_rotation(covariance)
    s = torch.ones(source.shape[:-2], dtype=source.dtype, device=source.device)
    if scale:
        s = (R * covariance).sum((-2, -1)) / torch.einsum("...k,...ki,...ki->...", even, x, x)
    return R, middle - s.unsqueeze(-1) * torch.einsum("...ij,...j->...i", R, mean), s


def transform(
    points: Float[Tensor, "*b N 3"],
    R: Float[Tensor, "*#b 3 3"],
    t: Float[Tensor, "*#b 3"],
    s: Float[Tensor, "*#b"] | float = 1.0,
) -> Float[Tensor, "*b N 3"]:
    """``s R x + t``."""
    scale = s if isinstance(s, float) else s[..., None, None]
    return scale * (points @ R.mT) + t.unsqueeze(-2)
