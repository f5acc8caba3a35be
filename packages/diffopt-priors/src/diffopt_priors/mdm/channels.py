"""The 263 channels from a posed body, by component, with the gradient written out.

Everything is linear in places and their steps, turned into the heading of each frame, so a few operations over all
joints and frames are enough; autograd would take some ninety.
"""

from __future__ import annotations

from typing import Any

import torch
from diffopt_core.data.invariant import atan2
from diffopt_core.data.skeleton import JOINT
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

#: SMPL without the two hand joints.
NUM_FEATURE_JOINTS = 22
#: Channels of the contact block, in order.
CONTACT_JOINTS = (JOINT["left_ankle"], JOINT["left_foot"], JOINT["right_ankle"], JOINT["right_foot"])
#: A foot joint slower than this is in contact (m/s). HumanML3D: 0.002 m^2 per frame at 20 fps, 0.89 m/s.
CONTACT_SPEED = 0.6
_EPS = 1e-8
_LAST = NUM_FEATURE_JOINTS
_ACROSS = {"right_hip": 1.0, "left_hip": -1.0, "right_shoulder": 1.0, "left_shoulder": -1.0}


def heading(
    places: Float[Tensor, "B 3 J T"],
) -> tuple[Float[Tensor, "B T"], Float[Tensor, "B T"], Float[Tensor, "B T"]]:
    """Sine and cosine of the yaw that the body faces (0 = +Z, pi/2 = +X), and the length of the axis they are from.

    Horizontal normal of right-to-left hips plus shoulders. Not a unit pair where that axis is vertical
    (cartwheels): the small constant keeps the gradient finite there.
    """
    right, left, right_up, left_up = (places[:, ::2, JOINT[name]] for name in _ACROSS)
    x, z = (right - left + (right_up - left_up)).unbind(1)
    norm = (x * x).addcmul_(z, z).add_(_EPS).sqrt_()
    return z / norm, -x / norm, norm


def channels(
    rotations: Float[Tensor, "B 3 3 24 T"], moved: Float[Tensor, "B 3 4 24 T"], path: Float[Tensor, "B 3 T"], fps: float
) -> Float[Tensor, "B 263 T-1"]:
    """``rotations``: local; ``moved``: the body relative to its pelvis (:func:`diffopt_core.data.chain.kinematics`);
    ``path``: of the pelvis, m."""
    return _Channels.apply(rotations, moved, path, fps)


class _Channels(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rotations: Tensor, moved: Tensor, path: Tensor, fps: float) -> Tensor:
        about = moved[:, :, 3, :_LAST]
        sine, cosine, norm = heading(about)
        # joints about the root, but in height; joint 0 is the root itself
        places = about.clone()
        places[:, 1] += path[:, 1:2]
        places[:, :, 0] = path
        steps = places[..., 1:] - places[..., :-1]
        x, y, z = torch.cat([places[:, :, 1:, :-1], steps], dim=2).unbind(1)
        here = sine[:, None, :-1], cosine[:, None, :-1]
        seen = torch.stack([(here[1] * x).addcmul_(here[0], z, value=-1), y, (here[0] * x).addcmul_(here[1], z)], 2)
        turn = atan2(*_turn(sine, cosine))
        columns = rotations[:, :, :2, 1:_LAST, :-1].permute(0, 3, 2, 1, 4)
        ctx.save_for_backward(sine, cosine, norm, x, z)
        ctx.like = moved.shape, rotations.shape
        return torch.cat(
            [
                turn.unsqueeze(1),
                seen[:, _LAST - 1, ::2],
                path[:, 1:2, :-1],
                seen[:, : _LAST - 1].flatten(1, 2),
                columns.flatten(1, 3),
                seen[:, _LAST - 1 :].flatten(1, 2),
                _contacts(steps, fps),
            ],
            dim=1,
        )

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        sine, cosine, norm, x, z = ctx.saved_tensors
        (clips, _, _, joints, frames), like = ctx.like
        turn, walked, height, placed, turned, stepped, _ = grad.split([1, 2, 1, 63, 126, 66, 4], dim=1)
        seen = torch.cat([placed, stepped], dim=1).unflatten(1, (-1, 3))
        seen[:, _LAST - 1, ::2] += walked
        across, up, ahead = seen.unbind(2)
        here = sine[:, None, :-1], cosine[:, None, :-1]
        to = grad.new_empty(clips, 3, 2 * _LAST - 1, frames - 1)
        to[:, 0] = (here[1] * across).addcmul_(here[0], ahead)
        to[:, 1] = up
        to[:, 2] = (here[1] * ahead).addcmul_(here[0], across, value=-1)
        to_sine, to_cosine = _turn_back(sine, cosine, turn.squeeze(1))
        to_sine[:, :-1] += (ahead * x).addcmul_(across, z, value=-1).sum(1)
        to_cosine[:, :-1] += (across * x).addcmul_(ahead, z).sum(1)
        moved = grad.new_zeros(clips, 3, 4, joints, frames)
        places = moved[:, :, 3, :_LAST]
        places[:, :, 1:, :-1] = to[:, :, : _LAST - 1]
        steps = to[:, :, _LAST - 1 :]
        places[..., 1:] += steps
        places[..., :-1] -= steps
        path = places[:, :, 0].clone()
        path[:, 1] += places[:, 1, 1:].sum(1)
        path[:, 1, :-1] += height.squeeze(1)
        places[:, :, 0].zero_()
        along = (to_sine * sine).addcmul_(to_cosine, cosine)
        around = (
            torch.stack([(cosine * along).sub_(to_cosine), to_sine.addcmul_(sine, along, value=-1)], 1) / norm[:, None]
        )
        for name, sign in _ACROSS.items():
            places[:, ::2, JOINT[name]].add_(around, alpha=sign)
        rotations = grad.new_zeros(like)
        rotations[:, :, :2, 1:_LAST, :-1] = turned.unflatten(1, (_LAST - 1, 2, 3)).permute(0, 3, 2, 1, 4)
        return rotations, moved, path, None


def _turn(sine: Tensor, cosine: Tensor) -> tuple[Tensor, Tensor]:
    """Sine and cosine of the turn from each frame to the next."""
    before, now = (sine[:, :-1], cosine[:, :-1]), (sine[:, 1:], cosine[:, 1:])
    return (
        (now[0] * before[1]).addcmul_(now[1], before[0], value=-1),
        (now[1] * before[1]).addcmul_(now[0], before[0]).add_(_EPS),
    )


def _turn_back(sine: Tensor, cosine: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of sine and cosine of every frame from those of the turns."""
    up, along = _turn(sine, cosine)
    scaled = grad / (up * up).addcmul_(along, along)
    up, along = scaled * along, -scaled * up
    before, now = (sine[:, :-1], cosine[:, :-1]), (sine[:, 1:], cosine[:, 1:])
    to = torch.zeros_like(sine), torch.zeros_like(cosine)
    to[0][:, 1:].addcmul_(up, before[1]).addcmul_(along, before[0])
    to[0][:, :-1].addcmul_(up, now[1], value=-1).addcmul_(along, now[0])
    to[1][:, 1:].addcmul_(up, before[0], value=-1).addcmul_(along, before[1])
    to[1][:, :-1].addcmul_(up, now[0]).addcmul_(along, now[1])
    return to


def _contacts(steps: Float[Tensor, "B 3 22 T"], fps: float) -> Float[Tensor, "B 4 T"]:
    """1 where a foot joint is slow. ``steps``: horizontally about the root's, which is joint 0."""
    feet = torch.stack([steps[:, :, joint] for joint in CONTACT_JOINTS], dim=2)
    feet[:, ::2] += steps[:, ::2, :1]
    x, y, z = feet.unbind(1)  # no norm, which takes ten times as long across such a dimension
    return ((x * x).addcmul_(y, y).addcmul_(z, z) < (CONTACT_SPEED / fps) ** 2).to(feet.dtype)
