"""From motion to states, and transformations of states between frames.

There are two changes of frame. DiffOpt's world is Y-up; the published model's is z-up with the same x axis, a quarter
turn about x: ``(x, y, z) -> (x, -z, y)``. And each transition is expressed in the *canonical* frame of its first state:
root at x = y = 0, the body's right (minus the first column of the root's rotation) along +x. So states do not depend on
the position and heading of the motion.

Joints rotate about the pelvis, not about ``trans``: in the published data ``trans`` is SMPL's translation, with a
constant offset from the pelvis (``pelvis = trans + root_offset``).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from diffopt_core.data.geometry import forward_kinematics
from diffopt_core.data.skeleton import PARENTS
from jaxtyping import Float, Int
from torch import Tensor

from diffopt_priors.humor.network import NUM_JOINTS, SLICES, Gaussian, HuMoR

_EPS = 1e-12


def to_z_up(points: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3"]:
    """Points or vectors of the Y-up world in z-up axes: ``(x, y, z) -> (x, -z, y)``."""
    x, y, z = points.unbind(-1)
    return torch.stack([x, -z, y], -1)


def part(state: Float[Tensor, "*b 339"], name: str) -> Tensor:
    """One part of a state, flat."""
    return state[..., SLICES[name]]


def rate(x: Float[Tensor, "B T *d"], fps: float, last: Int[Tensor, "B T-1"] | None = None) -> Float[Tensor, "B T *d"]:
    """Change per second: central differences, one-sided at both ends. ``last``: the steps to take, if clips end before
    ``T``; each one's last stands for those beyond."""
    step = x[:, 1:] - x[:, :-1]
    if last is not None:
        step = step[torch.arange(len(step), device=step.device).unsqueeze(1), last]
    return torch.cat([step[:, :1], (step[:, 1:] + step[:, :-1]) / 2, step[:, -1:]], 1) * fps


def angular_rate(
    rotation: Float[Tensor, "B T 3 3"], fps: float, last: Int[Tensor, "B T-1"] | None = None
) -> Float[Tensor, "B T 3"]:
    """Angular velocity in the outer frame, rad/s: the skew part of ``dR/dt R^T``."""
    m = rate(rotation, fps, last) @ rotation.mT
    return 0.5 * torch.stack(
        [m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]], -1
    )


def states(
    pose: Float[Tensor, "B T 24 3 3"],
    root: Float[Tensor, "B T 3"],
    rest: Float[Tensor, "#B 24 3"],
    fps: float,
    root_offset: Float[Tensor, "3"],
    last: Int[Tensor, "B T-1"] | None = None,
) -> Float[Tensor, "B T 339"]:
    """States of a motion in the z-up world.

    pose: local rotations, joint 0 in the Y-up world. root: pelvis, Y-up, m. rest: T-pose joints, m, any origin.
    root_offset: pelvis minus ``trans``, z-up, m. last: see :func:`rate`.
    """
    pose = pose[:, :, :NUM_JOINTS]
    _, where = forward_kinematics(pose, rest[:, None, :NUM_JOINTS], PARENTS[:NUM_JOINTS])
    joints = to_z_up(where + root.unsqueeze(2))
    trans = to_z_up(root) - root_offset
    # to_z_up of each column: R_z = C R_y
    orient = to_z_up(pose[:, :, 0].mT).mT
    return torch.cat(
        [
            trans,
            rate(trans, fps, last),
            orient.flatten(2),
            angular_rate(orient, fps, last),
            pose[:, :, 1:].flatten(2),
            joints.flatten(2),
            rate(joints, fps, last).flatten(2),
        ],
        2,
    )


class Frame(NamedTuple):
    """A canonical frame: ``turn [*b 3 3]`` outer to canonical, ``origin [*b 3]`` (z = 0) and the joints' ``pivot``."""

    turn: Tensor
    origin: Tensor
    pivot: Tensor


def heading_turn(orient: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 3 3"]:
    """Rotation about z that aligns the body's right, ``-orient[:, 0]``, horizontally with +x."""
    right = -orient[..., :2, 0]
    x, y = (right / (right.square().sum(-1, keepdim=True) + _EPS).sqrt()).unbind(-1)
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    return torch.stack([x, y, zero, -y, x, zero, zero, zero, one], -1).unflatten(-1, (3, 3))


def _flat(points: Tensor) -> Tensor:
    """``points`` with height 0."""
    return torch.cat([points[..., :2], torch.zeros_like(points[..., :1])], -1)


def pivot_of(state: Float[Tensor, "*b 339"]) -> Float[Tensor, "*b 3"]:
    """Horizontal offset from ``trans`` to the pelvis."""
    return _flat(part(state, "joints")[..., :3] - part(state, "trans"))


def frame_of(state: Float[Tensor, "*b 339"], pivot: Float[Tensor, "*b 3"]) -> Frame:
    """The frame in which a state is canonical."""
    orient = part(state, "root_orient").unflatten(-1, (3, 3))
    return Frame(heading_turn(orient), _flat(part(state, "trans")), pivot)


def _joined(state: Tensor, turn: Tensor, trans: Tensor, joints: Tensor) -> Tensor:
    def turned(name: str) -> Tensor:
        return (part(state, name).unflatten(-1, (-1, 3)) @ turn.mT).flatten(-2)

    orient = (turn @ part(state, "root_orient").unflatten(-1, (3, 3))).flatten(-2)
    pose = part(state, "pose_body")
    return torch.cat(
        [trans, turned("trans_vel"), orient, turned("root_orient_vel"), pose, joints, turned("joints_vel")], -1
    )


def into(state: Float[Tensor, "*b 339"], frame: Frame) -> Float[Tensor, "*b 339"]:
    """A state of the outer frame, written in ``frame``."""
    turn, origin, pivot = frame
    trans = ((part(state, "trans") - origin).unsqueeze(-2) @ turn.mT).squeeze(-2)
    joints = part(state, "joints").unflatten(-1, (-1, 3)) - (origin + pivot).unsqueeze(-2)
    joints = joints @ turn.mT + pivot.unsqueeze(-2)
    return _joined(state, turn, trans, joints.flatten(-2))


def out_of(state: Float[Tensor, "*b 339"], frame: Frame) -> Float[Tensor, "*b 339"]:
    """Inverse of :func:`into`."""
    turn, origin, pivot = frame
    trans = (part(state, "trans").unsqueeze(-2) @ turn).squeeze(-2) + origin
    joints = (part(state, "joints").unflatten(-1, (-1, 3)) - pivot.unsqueeze(-2)) @ turn
    joints = joints + (origin + pivot).unsqueeze(-2)
    return _joined(state, turn.mT, trans, joints.flatten(-2))


def transitions(sequence: Float[Tensor, "B T 339"]) -> tuple[Tensor, Tensor]:
    """All pairs of successive states, each in the canonical frame of its first: two ``[B T-1 339]``."""
    pivot = pivot_of(sequence[:, :1]).expand(-1, sequence.shape[1] - 1, -1)
    frame = frame_of(sequence[:, :-1], pivot)
    return into(sequence[:, :-1], frame), into(sequence[:, 1:], frame)


class Rollout(NamedTuple):
    """States in the frame of the first ``[B S 339]``, contact logits ``[B S 9]``, the prior at each step."""

    states: Tensor
    contacts: Tensor
    prior: Gaussian


def rollout(
    model: HuMoR,
    first: Float[Tensor, "B 339"],
    steps: int,
) -> Rollout:
    """``steps`` states after a canonical ``first`` one, each predicted with the prior's mean from the previous
    prediction (Rempe et al. 2021, sec. 3.1)."""
    pivot = pivot_of(first)
    eye = torch.eye(3, dtype=first.dtype, device=first.device).expand(len(first), 3, 3)
    frame, past = Frame(eye, torch.zeros_like(pivot), pivot), first
    found: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    for _ in range(steps):
        p = model.prior(past)
        state, contacts = model.decode(p.mean, past)
        found.append((out_of(state, frame), contacts, *p))
        step = frame_of(state, pivot)
        past = into(state, step)
        # The origin of the next frame is this state's trans at height 0.
        frame = Frame(step.turn @ frame.turn, frame_of(found[-1][0], pivot).origin, pivot)
    sequences, logits, mean, variance = (torch.stack(column, 1) for column in zip(*found, strict=True))
    return Rollout(sequences, logits, Gaussian(mean, variance))
