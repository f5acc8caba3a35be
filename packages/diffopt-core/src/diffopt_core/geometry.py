"""Rigid transforms, projection, alignment. Shapes and frames as in :mod:`diffopt_core.types`."""

from __future__ import annotations

import roma
import torch
from jaxtyping import Float
from torch import Tensor


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


def project(
    points_cam: Float[Tensor, "*b N 3"],
    focal: Float[Tensor, "*b 2"],
    centre: Float[Tensor, "*b 2"],
    nearest: float = 0.05,
) -> Float[Tensor, "*b N 2"]:
    """Pinhole projection to pixels. Depth is clamped at ``nearest`` metres so that a point that strays behind
    the camera gives a large, finite pixel and not its mirror image."""
    depth = points_cam[..., 2:].clamp_min(nearest)
    return points_cam[..., :2] / depth * focal.unsqueeze(-2) + centre.unsqueeze(-2)


def forward_kinematics(
    pose: Float[Tensor, "*b J 3 3"], rest: Float[Tensor, "*b J 3"], parents: tuple[int, ...]
) -> tuple[Float[Tensor, "*b J 3 3"], Float[Tensor, "*b J 3"]]:
    """Global rotations and joint positions relative to joint 0, by tree depth (one matmul a level).

    ``rest``: rest positions; only their differences matter. ``parents[0]`` is -1.
    """
    levels = _levels(parents)
    offsets = rest - rest[..., [max(p, 0) for p in parents], :]
    offsets = offsets.expand(*pose.shape[:-2], 3)
    glob: list[Tensor | None] = [None] * len(parents)
    where: list[Tensor | None] = [None] * len(parents)
    glob[0], where[0] = pose[..., 0, :, :], torch.zeros_like(pose[..., 0, :, 0])
    for level in levels:
        up = torch.stack([glob[parents[j]] for j in level], dim=-3)  # type: ignore[misc]
        base = torch.stack([where[parents[j]] for j in level], dim=-2)  # type: ignore[misc]
        rotation = up @ pose[..., level, :, :]
        position = base + (up @ offsets[..., level, :].unsqueeze(-1)).squeeze(-1)
        for k, j in enumerate(level):
            glob[j], where[j] = rotation[..., k, :, :], position[..., k, :]
    return torch.stack(glob, dim=-3), torch.stack(where, dim=-2)  # type: ignore[arg-type]


def _levels(parents: tuple[int, ...]) -> list[list[int]]:
    depth = [0] * len(parents)
    for j, p in enumerate(parents):
        depth[j] = depth[p] + 1 if p >= 0 else 0
    return [[j for j, d in enumerate(depth) if d == k] for k in range(1, max(depth) + 1)]


def align(
    source: Float[Tensor, "*b N 3"], target: Float[Tensor, "*b N 3"], scale: bool
) -> tuple[Float[Tensor, "*b 3 3"], Float[Tensor, "*b 3"], Float[Tensor, "*b"]]:
    """Umeyama: ``R, t, s`` minimising ``sum |target - (s R source + t)|^2`` (s = 1 unless ``scale``)."""
    if scale:
        R, t, s = roma.rigid_points_registration(source, target, compute_scaling=True)
        return R, t, s
    R, t = roma.rigid_points_registration(source, target)
    return R, t, torch.ones(source.shape[:-2], dtype=source.dtype, device=source.device)


def transform(
    points: Float[Tensor, "*b N 3"],
    R: Float[Tensor, "*b 3 3"],
    t: Float[Tensor, "*b 3"],
    s: Float[Tensor, "*b"] | float = 1.0,
) -> Float[Tensor, "*b N 3"]:
    """``s R x + t``."""
    scale = s if isinstance(s, float) else s[..., None, None]
    return scale * (points @ R.mT) + t.unsqueeze(-2)
