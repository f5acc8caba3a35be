"""The body as a linear map of its global rotations: what one matrix product gives instead of a walk over the tree.

A joint lies at the sum of its ancestors' bones, and a bone is a column mix of one global rotation. So joints, landmark
points and the vectors between them are all ``W`` times the 72 columns of the 24 global rotations; only the rotations
themselves need the tree, one product a level. The refinement runs through this many times.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffopt_core.skeleton import NUM_JOINTS, PARENTS
from jaxtyping import Float
from torch import Tensor

from .rest import JOINT_OF, RestBody


def _levels() -> list[tuple[int, list[int]]]:
    """A level of the tree each: how many joints, and where their parents stand in the level above."""
    depth = [0] * NUM_JOINTS
    for joint in range(1, NUM_JOINTS):
        depth[joint] = depth[PARENTS[joint]] + 1
    out = []
    for level in range(1, max(depth) + 1):
        members = [j for j in range(NUM_JOINTS) if depth[j] == level]
        above = [j for j in range(NUM_JOINTS) if depth[j] == level - 1]
        out.append((len(members), [above.index(PARENTS[j]) for j in members]))
    return out


_LEVELS = _levels()
_SIZES = [1] + [size for size, _ in _LEVELS]


def global_columns(local: Float[Tensor, "T 24 3 3"]) -> Float[Tensor, "T 3 72"]:
    """Columns of the global rotations: ``[t, :, 3 j + k]`` is column k of joint j's. Joints are numbered by depth."""
    root, *rest = local.split(_SIZES, dim=1)
    out = [root]
    for part, (_, rows) in zip(rest, _LEVELS, strict=True):
        out.append(out[-1][:, rows] @ part)
    return torch.cat(out, 1).permute(0, 2, 1, 3).flatten(2)


def axis_angle_matrix(values: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3 3"]:
    """Rodrigues' formula in few operations; smooth at 0, with the gradient of the identity there."""
    squared = values.square().sum(-1, keepdim=True).unsqueeze(-1) + 1e-12
    half = squared.sqrt() / 2
    sinc = half.sin() / half
    x, y, z = values.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
    outer = values.unsqueeze(-1) * values.unsqueeze(-2)
    eye = torch.eye(3, dtype=values.dtype, device=values.device)
    # K^2 = v v^T - |v|^2 I
    return eye + (sinc * half.cos()) * cross + (0.5 * sinc.square()) * (outer - squared * eye)


@dataclass(frozen=True)
class Chain:
    """``joints [24 72]`` and ``points [33 72]``: positions about the pelvis, m, of the columns of global rotations."""

    joints: Float[Tensor, "24 72"]
    points: Float[Tensor, "33 72"]


def chain_of(rest: RestBody) -> Chain:
    """The maps of a rest body."""
    bones = rest.joints[1:] - rest.joints[list(PARENTS[1:])]
    joints = rest.joints.new_zeros(NUM_JOINTS, NUM_JOINTS, 3)
    for joint in range(1, NUM_JOINTS):
        joints[joint] = joints[PARENTS[joint]]
        joints[joint, PARENTS[joint]] += bones[joint - 1]
    points = joints[list(JOINT_OF)].clone()
    points[torch.arange(len(JOINT_OF)), list(JOINT_OF)] += rest.offsets
    return Chain(joints.flatten(1), points.flatten(1))
