"""Rigid transforms, projection, alignment. Shapes and frames as in :mod:`diffopt_core.types`."""

from __future__ import annotations

from functools import lru_cache
from typing import no_type_check

import torch
from jaxtyping import Float
from torch import Tensor

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
_NEAREST = 0.05


def project(
    points_cam: Float[Tensor, "*b N 3"],
    focal: Float[Tensor, "*b 2"],
    centre: Float[Tensor, "*b 2"],
) -> Float[Tensor, "*b N 2"]:
    """Pinhole projection to pixels. Depth is clamped at 5 cm, so that a point behind the camera gives a large, finite
    pixel coordinate and not its mirror image."""
    depth = points_cam[..., 2:].clamp_min(_NEAREST)
    return points_cam[..., :2] / depth * focal.unsqueeze(-2) + centre.unsqueeze(-2)


def forward_kinematics(
    pose: Float[Tensor, "*b J 3 3"], rest: Float[Tensor, "*#b J 3"], parents: tuple[int, ...]
) -> tuple[Float[Tensor, "*b J 3 3"], Float[Tensor, "*b J 3"]]:
    """Global rotations and joint positions relative to joint 0, one product per level of the tree.

    ``rest``: rest positions; only their differences matter. ``parents[0]`` is -1 and joints are numbered by depth,
    as SMPL's are.
    """
    glob, where = pose[..., :1, :, :], torch.zeros_like(pose[..., :1, :, 0])
    rotations, positions = [glob], [where]
    for joints, parents_of, rows in _levels(parents):
        offset = _take(rest, joints, -2) - _take(rest, parents_of, -2)
        up = _take(glob, rows, -3)
        where = _take(where, rows, -2) + (up @ offset.unsqueeze(-1)).squeeze(-1)
        glob = up @ _take(pose, joints, -3)
        rotations.append(glob)
        positions.append(where)
    return torch.cat(rotations, -3), torch.cat(positions, -2)


@no_type_check  # 40 calls per body: checking its types in tests would cost as much as all other checks
def _take(x: Tensor, index: tuple[int, ...], dim: int) -> Tensor:
    """``x`` at ``index`` by slices; an index tensor would be copied to the device at every call."""
    if index == tuple(range(index[0], index[0] + len(index))):
        return x.narrow(dim, index[0], len(index))
    return torch.cat([x.narrow(dim, i, 1) for i in index], dim)


@lru_cache
def _levels(parents: tuple[int, ...]) -> tuple[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]], ...]:
    """By depth: joints, their parents, and the parents' rows in the level above."""
    levels: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = []
    above: tuple[int, ...] = (0,)
    while joints := tuple(j for j, parent in enumerate(parents) if parent in above):
        of = tuple(parents[j] for j in joints)
        levels.append((joints, of, tuple(above.index(parent) for parent in of)))
        above = joints
    if [0, *(j for joints, _, _ in levels for j in joints)] != list(range(len(parents))):
        raise ValueError("joints must be numbered by their depth in the tree")
    return tuple(levels)


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
