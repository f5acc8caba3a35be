"""The 263 channels of a HumanML3D frame: names of the blocks, and the way to them and back.

Guo et al. 2022, "Generating Diverse and Natural 3D Human Motions from Text", section 5.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from diffopt_core.data import chain
from diffopt_core.data.rotation import columns_to_matrix
from diffopt_core.data.skeleton import PARENTS
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.mdm.channels import CONTACT_JOINTS, NUM_FEATURE_JOINTS, channels

DIM = 263

ROOT_VELOCITY = slice(1, 3)
POSITIONS = slice(4, 67)
ROTATIONS = slice(67, 193)
VELOCITIES = slice(193, 259)
CONTACTS = slice(259, 263)

#: Channels that hold the horizontal path: root velocity (twice: its own block and joint 0 of the
#: velocity block) and the contacts, which are functions of it.
TRAJECTORY = (1, 2, 193, 195, 259, 260, 261, 262)

#: Blocks whose standard deviation is averaged (the embedded form; joint 0's horizontal velocity
#: belongs to the root, not to the joints).
STD_BLOCKS: tuple[tuple[int, ...], ...] = (
    (0,),
    (1, 2, 193, 195),
    (3,),
    tuple(range(4, 67)),
    tuple(range(67, 193)),
    (194, *range(196, 259)),
    tuple(range(259, 263)),
)


def take(x: Tensor, index: list[int], dim: int) -> Tensor:
    """``x`` at ``index`` by slices, because the gradient of indexing is the most expensive part of kinematics."""
    if index == list(range(x.shape[dim])):
        return x
    parts = x.unbind(dim)
    return torch.stack([parts[i] for i in index], dim)


@lru_cache
def constant(values: tuple, device: torch.device, dtype: torch.dtype) -> Tensor:
    """A cached tensor of plain numbers, copied to the device only once."""
    return torch.tensor(values, device=device, dtype=dtype)


def kinematics(
    pose: Float[Tensor, "*b 24 3 3"], root: Float[Tensor, "*b 3"], offsets: Float[Tensor, "*#b 24 3"]
) -> Float[Tensor, "*b 24 3"]:
    """World joint positions (m): G_j = G_parent R_j, p_j = p_parent + G_parent offset_j.

    ``offsets``: child minus parent in the rest pose, m; broadcasts over the leading dimensions.
    """
    about = chain.kinematics(pose, offsets, PARENTS)[:, :, 3]
    return about.permute(0, 3, 2, 1).reshape(*root.shape[:-1], len(PARENTS), 3) + root.unsqueeze(-2)


def to_heading(vector: Tensor, sine: Tensor, cosine: Tensor) -> Tensor:
    """World vectors ``[... 3]`` in the frame whose +Z is the heading."""
    x, y, z = vector.unbind(-1)
    return torch.stack([cosine * x - sine * z, y, sine * x + cosine * z], dim=-1)


def from_heading(vector: Tensor, sine: Tensor, cosine: Tensor) -> Tensor:
    """Inverse of :func:`to_heading`."""
    return to_heading(vector, -sine, cosine)


def embed(
    pose: Float[Tensor, "B T 24 3 3"],
    root: Float[Tensor, "B T 3"],
    offsets: Float[Tensor, "24 3"],
    fps: float,
) -> Float[Tensor, "B T-1 263"]:
    """Features of a motion of the reference skeleton, not normalised.

    pose: local rotations, joint 0 in the world. root: pelvis joint (m), already scaled to the reference body.
    Invariant under yaw about +Y and horizontal translation of the whole motion.
    """
    planes = chain.by_component(pose)
    moved = chain.kinematics(chain.as_matrices(planes), offsets, PARENTS)
    return channels(planes, moved, root.mT, fps).mT


def root_path(features: Float[Tensor, "B T 263"]) -> tuple[Tensor, Tensor]:
    """World root ``[B T 3]`` (m) and yaw ``[B T]`` (rad), by integrating velocities from the origin, facing +Z."""
    zero = torch.zeros_like(features[:, :1, 0])
    yaw = torch.cat([zero, features[:, :-1, 0].cumsum(1)], dim=1)
    flat = torch.stack([features[..., 1], torch.zeros_like(yaw), features[..., 2]], dim=-1)
    step = from_heading(flat, yaw.sin(), yaw.cos())
    start = torch.zeros_like(step[:, :1])
    path = torch.cat([start, step[:, :-1].cumsum(1)], dim=1)
    return torch.stack([path[..., 0], features[..., 3], path[..., 2]], dim=-1), yaw


def recover_joints(features: Float[Tensor, "B T 263"]) -> Float[Tensor, "B T 22 3"]:
    """World joints (m) from the position block and the root path: inverse of :func:`embed` up to its gauge."""
    root, yaw = root_path(features)
    local = features[..., 4:67].unflatten(-1, (21, 3))
    world = from_heading(local, yaw.sin()[..., None], yaw.cos()[..., None])
    horizontal = root * root.new_tensor([1.0, 0.0, 1.0])
    return torch.cat([root.unsqueeze(2), world + horizontal.unsqueeze(2)], dim=2)


def recover_rotations(features: Float[Tensor, "B T 263"]) -> Float[Tensor, "B T 21 3 3"]:
    """Local rotations of joints 1..21 from the rotation block."""
    return columns_to_matrix(features[..., 67:193].unflatten(-1, (21, 6)))


def foot_velocity(features: Float[Tensor, "B T 263"]) -> Float[Tensor, "B T 4 2"]:
    """Horizontal velocity (m per frame, in the heading) of ankles and feet: the root's plus theirs relative to it."""
    relative = features[..., VELOCITIES].unflatten(-1, (NUM_FEATURE_JOINTS, 3))
    feet = take(relative, list(CONTACT_JOINTS), -2)
    return features[..., ROOT_VELOCITY].unsqueeze(-2) + feet[..., ::2]
