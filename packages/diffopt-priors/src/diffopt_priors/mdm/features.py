"""The 263 channels of a HumanML3D frame: names of the blocks, no tensors.

Guo et al. 2022, "Generating Diverse and Natural 3D Human Motions from Text", section 5.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from diffopt_core.data import chain
from diffopt_core.data.invariant import atan2
from diffopt_core.data.rotation import columns_to_matrix
from diffopt_core.data.skeleton import JOINT, PARENTS
from jaxtyping import Float
from torch import Tensor

DIM = 263
#: SMPL without the two hand joints.
NUM_FEATURE_JOINTS = 22

ROOT_VELOCITY = slice(1, 3)
POSITIONS = slice(4, 67)
ROTATIONS = slice(67, 193)
VELOCITIES = slice(193, 259)
CONTACTS = slice(259, 263)

#: Channels of the contact block, in order.
CONTACT_JOINTS = (JOINT["left_ankle"], JOINT["left_foot"], JOINT["right_ankle"], JOINT["right_foot"])

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


#: A foot joint slower than this is in contact (m/s). HumanML3D: 0.002 m^2 per frame at 20 fps, 0.89 m/s.
CONTACT_SPEED = 0.6
_EPS = 1e-8


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


def heading(joints: Float[Tensor, "B 3 J T"]) -> tuple[Float[Tensor, "B T"], Float[Tensor, "B T"]]:
    """Sine and cosine of the yaw that the body faces (0 = +Z, pi/2 = +X).

    Horizontal normal of right-to-left hips plus shoulders. Not a unit pair where that axis is vertical
    (cartwheels): the small constant keeps the gradient finite there.
    """
    names = ("right_hip", "left_hip", "right_shoulder", "left_shoulder")
    right, left, right_up, left_up = (joints[:, ::2, JOINT[name]] for name in names)
    x, z = (right - left + (right_up - left_up)).unbind(1)
    norm = (x**2 + z**2 + _EPS).sqrt()
    return z / norm, -x / norm


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
    about = chain.kinematics(pose, offsets, PARENTS)[:, :, 3, :NUM_FEATURE_JOINTS]
    sine, cosine = heading(about)
    path = root.mT.unsqueeze(2)
    # joints about the root, but in height; joint 0 is the root itself
    places = torch.cat([path, torch.cat([about[:, :1, 1:], about[:, 1:2, 1:] + path[:, 1:2], about[:, 2:, 1:]], 1)], 2)
    steps = places[..., 1:] - places[..., :-1]
    x, y, z = torch.cat([places[:, :, 1:, :-1], steps], dim=2).unbind(1)
    now_sine, now_cosine = sine[:, None, :-1], cosine[:, None, :-1]
    seen = torch.stack([now_cosine * x - now_sine * z, y, now_sine * x + now_cosine * z], dim=2)
    positions, velocities = seen.split([NUM_FEATURE_JOINTS - 1, NUM_FEATURE_JOINTS], dim=1)
    turn = atan2(
        sine[:, 1:] * cosine[:, :-1] - cosine[:, 1:] * sine[:, :-1],
        cosine[:, 1:] * cosine[:, :-1] + sine[:, 1:] * sine[:, :-1] + _EPS,
    )
    columns = chain.by_component(pose)[:, :, :2, 1:NUM_FEATURE_JOINTS, :-1].permute(0, 3, 2, 1, 4)
    return torch.cat(
        [
            turn.unsqueeze(1),
            velocities[:, 0, ::2],
            path[:, 1, :, :-1],
            positions.flatten(1, 2),
            columns.flatten(1, 3),
            velocities.flatten(1, 2),
            _contacts(steps.detach(), fps),
        ],
        dim=1,
    ).mT


def _contacts(steps: Float[Tensor, "B 3 22 T"], fps: float) -> Float[Tensor, "B 4 T"]:
    """1 where a foot joint is slow. ``steps`` as in :func:`embed`: horizontally about the root."""
    feet = torch.stack([steps[:, :, joint] for joint in CONTACT_JOINTS], dim=2)
    feet[:, ::2] += steps[:, ::2, :1]
    return (feet.norm(dim=1) * fps < CONTACT_SPEED).to(feet.dtype)


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
