"""The official HumanML3D features (Guo et al. 2022), differentiable and batched.

``joints [B T 22 3]`` (m, Y up, any origin and heading, 20 fps) -> ``[B T-1 263]``, not normalised. Agrees with the data
set's own pipeline, including its quirks, because published checkpoints were trained on its output:

- Bones get the lengths of one target skeleton; the root path is scaled by the leg-length ratio of frame 0.
- Floor: the lowest joint of the clip is at y = 0. Frame 0 stands at the origin and faces +Z.
- Heading inside the inverse kinematics swaps the hips (left minus right hip + right minus left shoulder), is
  smoothed over time with a Gaussian of 20 frames, and is forced to identity in frame 0. The canonical facing
  of frame 0 uses the right order, without smoothing.
- The yaw velocity is a *half* angle (arcsin of a quaternion component); where the smoothed heading crosses 180
  degrees the quaternion changes sign and that step is wrong. Kept.
- The root velocity is in the heading frame of the later frame, joint velocities in that of the earlier one.
- Arm chains restart from the root's rotation. Contacts: squared step < 0.002 m^2 per frame; no gradient.
"""

from __future__ import annotations

import itertools

import torch
from diffopt_core.data.rotation import matrix_to_columns, quaternion_to_matrix
from diffopt_core.data.skeleton import JOINT
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import conv1d, normalize, pad

from diffopt_priors.mdm.features import CONTACT_JOINTS, constant, take

NUM_JOINTS = 22
FPS = 20.0
CHAINS = ((0, 2, 5, 8, 11), (0, 1, 4, 7, 10), (0, 3, 6, 9, 12, 15), (9, 14, 17, 19, 21), (9, 13, 16, 18, 20))
_CONTACT = 0.002
_SIGMA, _RADIUS = 20.0, 80
_X, _Y, _Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
_DOWN, _RIGHT = (0.0, -1.0, 0.0), (-1.0, 0.0, 0.0)
#: Rest direction of the bone that ends in each joint.
DIRECTIONS = (
    (0.0, 0.0, 0.0), _X, _RIGHT, _Y, _DOWN, _DOWN, _Y, _DOWN, _DOWN, _Y, _Z, _Z, _Y, _X, _RIGHT, _Z,
    _DOWN, _DOWN, _DOWN, _DOWN, _DOWN, _DOWN,
)  # fmt: skip
#: Bone lengths (m) of the data set's target skeleton.
LENGTHS = (
    0.0, 0.10307397, 0.10988336, 0.13156824, 0.3936232, 0.39018822, 0.14319022, 0.43243301, 0.42564341,
    0.05736474, 0.14338179, 0.14941905, 0.21936005, 0.1374868, 0.1433828, 0.10303921, 0.1316139, 0.12298439,
    0.25683990, 0.26309186, 0.26601180, 0.26987630,
)  # fmt: skip
_PARENT = {child: parent for chain in CHAINS for parent, child in itertools.pairwise(chain)}
_L_HIP, _R_HIP = JOINT["left_hip"], JOINT["right_hip"]
_L_SHOULDER, _R_SHOULDER = JOINT["left_shoulder"], JOINT["right_shoulder"]
_LEG = (JOINT["right_knee"], JOINT["right_ankle"])
#: Parents of joints 1 to 21.
_ABOVE = [_PARENT[child] for child in range(1, NUM_JOINTS)]
#: The bone before each, 0 where a chain starts from the root's rotation.
_BEFORE = [0 if any(chain[1] == child for chain in CHAINS) else _PARENT[child] for child in range(1, NUM_JOINTS)]


def _reach() -> tuple[tuple[float, ...], ...]:
    """Row of a joint: the length of every bone between it and the root."""
    rows = [[0.0] * (NUM_JOINTS - 1) for _ in range(NUM_JOINTS)]
    for joint in range(1, NUM_JOINTS):
        at = joint
        while at:
            rows[joint][at - 1] = LENGTHS[at]
            at = _PARENT[at]
    return tuple(tuple(row) for row in rows)


_REACH = _reach()


def _between(u: Tensor, v: Tensor) -> Tensor:
    """Shortest rotation (unit quaternion xyzw, w >= 0) from unit vectors u to v."""
    w = 1 + (u * v).sum(-1, keepdim=True)
    return normalize(torch.cat([torch.linalg.cross(u, v, dim=-1), w], dim=-1), dim=-1)


def _forward(joints: Tensor, *, swap_hips: bool) -> Tensor:
    """Horizontal facing direction (not normalised) from hips and shoulders."""
    hips = joints[..., _R_HIP, :] - joints[..., _L_HIP, :]
    shoulders = joints[..., _R_SHOULDER, :] - joints[..., _L_SHOULDER, :]
    across = normalize((-hips if swap_hips else hips) + shoulders, dim=-1)
    return torch.stack([across[..., 2], torch.zeros_like(across[..., 0]), -across[..., 0]], dim=-1)


def _smooth(x: Float[Tensor, "B T 3"]) -> Float[Tensor, "B T 3"]:
    """Gaussian of 20 frames over time, cut at 4 sigma, ends repeated."""
    offset = torch.arange(-_RADIUS, _RADIUS + 1, dtype=x.dtype, device=x.device)
    kernel = torch.exp(-0.5 * (offset / _SIGMA) ** 2)
    flat = x.mT.flatten(0, 1).unsqueeze(1)
    out = conv1d(pad(flat, (_RADIUS, _RADIUS), mode="replicate"), (kernel / kernel.sum()).view(1, 1, -1))
    return out.view(len(x), 3, -1).mT


def uniform_skeleton(joints: Float[Tensor, "B T 22 3"]) -> Float[Tensor, "B T 22 3"]:
    """The same bone directions on the target skeleton, root path scaled by leg lengths of frame 0."""
    source = sum((joints[:, 0, j] - joints[:, 0, _PARENT[j]]).norm(dim=-1) for j in _LEG)
    scale = sum(LENGTHS[j] for j in _LEG) / source
    bones = normalize(joints[:, :, 1:] - take(joints, _ABOVE, 2), dim=-1)
    reach = constant(_REACH, joints.device, joints.dtype)
    return joints[:, :, :1] * scale[:, None, None, None] + reach @ bones


def canonical(joints: Float[Tensor, "B T 22 3"]) -> Float[Tensor, "B T 22 3"]:
    """Floor at y = 0, frame 0 at the origin facing +Z."""
    floor = joints[..., 1].amin((1, 2))
    x, z = joints[:, 0, 0, 0], joints[:, 0, 0, 2]
    joints = joints - torch.stack([x, floor, z], dim=-1)[:, None, None]
    forward = normalize(_forward(joints[:, 0], swap_hips=False), dim=-1)
    turn = quaternion_to_matrix(_between(forward, constant(_Z, forward.device, forward.dtype).expand_as(forward)))
    return (turn[:, None, None] @ joints.unsqueeze(-1)).squeeze(-1)


def heading(joints: Float[Tensor, "B T 22 3"]) -> Float[Tensor, "B T 2"]:
    """(w, y) of the yaw quaternion that rotates each frame to face +Z, as in the data set's inverse kinematics."""
    forward = normalize(_smooth(_forward(joints, swap_hips=True)), dim=-1)
    quaternion = normalize(torch.stack([1 + forward[..., 2], -forward[..., 0]], dim=-1), dim=-1)
    first = constant((1.0, 0.0), quaternion.device, quaternion.dtype).expand(len(joints), 1, 2)
    return torch.cat([first, quaternion[:, 1:]], dim=1)


def yaw_matrix(quaternion: Float[Tensor, "*b 2"]) -> Float[Tensor, "*b 3 3"]:
    """Rotation matrix of the yaw quaternion (w, y)."""
    w, y = quaternion.unbind(-1)
    zero = torch.zeros_like(w)
    return quaternion_to_matrix(torch.stack([zero, y, zero, w], dim=-1))


def bone_rotations(joints: Float[Tensor, "B T 22 3"], root: Float[Tensor, "B T 3 3"]) -> Float[Tensor, "B T 22 3 3"]:
    """Local rotations by shortest arcs from the rest directions; joint 0 holds ``root``."""
    bones = normalize(joints[:, :, 1:] - take(joints, _ABOVE, 2), dim=-1)
    rest = constant(DIRECTIONS[1:], bones.device, bones.dtype).expand_as(bones)
    turned = torch.cat([root.unsqueeze(2), quaternion_to_matrix(_between(rest, bones))], dim=2)
    return torch.cat([root.unsqueeze(2), take(turned, _BEFORE, 2).mT @ turned[:, :, 1:]], dim=2)


def local_positions(joints: Float[Tensor, "B T 22 3"], root: Float[Tensor, "B T 3 3"]) -> Tensor:
    """Joints relative to the root in x and z, turned by the heading (``rifke``)."""
    relative = joints - joints[:, :, :1] * constant((1.0, 0.0, 1.0), joints.device, joints.dtype)
    return (root.unsqueeze(2) @ relative.unsqueeze(-1)).squeeze(-1)


def features(joints: Float[Tensor, "B T 22 3"]) -> Float[Tensor, "B T-1 263"]:
    """The complete pipeline: target skeleton, canonical placement, 263 channels."""
    joints = canonical(uniform_skeleton(joints))
    quaternion = heading(joints)
    root = yaw_matrix(quaternion)
    (w0, y0), (w1, y1) = quaternion[:, :-1].unbind(-1), quaternion[:, 1:].unbind(-1)
    yaw_rate = torch.asin(y1 * w0 - w1 * y0)
    step = joints[:, 1:] - joints[:, :-1]
    root_velocity = (root[:, 1:] @ step[:, :, 0].unsqueeze(-1)).squeeze(-1)
    velocity = (root[:, :-1].unsqueeze(2) @ step.unsqueeze(-1)).squeeze(-1)
    local = local_positions(joints, root)[:, :-1]
    rotations = matrix_to_columns(bone_rotations(joints, root)[:, :-1, 1:])
    contacts = (take(step.detach(), list(CONTACT_JOINTS), 2).square().sum(-1) < _CONTACT).to(joints.dtype)
    return torch.cat(
        [
            yaw_rate.unsqueeze(-1),
            root_velocity[..., ::2],
            joints[:, :-1, 0, 1:2],
            local[:, :, 1:].flatten(2),
            rotations.flatten(2),
            velocity.flatten(2),
            contacts,
        ],
        dim=-1,
    )
