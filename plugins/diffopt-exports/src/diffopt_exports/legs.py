"""Two-bone inverse kinematics: bend the knee in its own plane until the distance fits, then turn the hip.

All in the world, m; every frame at once.
"""

from __future__ import annotations

import torch
from torch import Tensor

#: A leg is stretched to this share of its length at most: at its full length the knee has no direction to bend in.
REACH = 0.9995
#: Sine of the knee's bend at which its own plane and its hinge count alike.
STRAIGHT = 0.1


def reach(hip: Tensor, knee: Tensor, ankle: Tensor) -> Tensor:
    """(T,) greatest distance of an ankle from its hip, m."""
    return REACH * ((knee - hip).norm(dim=-1) + (ankle - knee).norm(dim=-1))


def bend(
    hip: Tensor, knee: Tensor, ankle: Tensor, target: Tensor, thigh: Tensor, shank: Tensor
) -> tuple[Tensor, Tensor]:
    """Rotations of thigh and shank (T, 3, 3) that bring the ankle to ``target``, as near as the leg's length lets it.

    Points are (T, 3). The knee keeps to the plane in which it is bent; a straight one bends about the thigh's x axis,
    as knees do.
    """
    upper, lower = knee - hip, ankle - knee
    one, two = upper.norm(dim=-1, keepdim=True), lower.norm(dim=-1, keepdim=True)
    wanted = (target - hip).norm(dim=-1, keepdim=True)
    wanted = torch.minimum(torch.maximum(wanted, (one - two).abs() + 1e-3), REACH * (one + two))
    along = upper / one
    plane = torch.linalg.cross(along, lower / two)
    hinge = thigh[..., 0] - (thigh[..., 0] * along).sum(-1, keepdim=True) * along
    hinge = torch.nn.functional.normalize(hinge, dim=-1)
    # a leg that is all but straight, or bent the wrong way, says little of where its knee points; the hinge does
    forward = (plane * hinge).sum(-1, keepdim=True) > 0
    axis = STRAIGHT * hinge + torch.where(forward, plane, torch.zeros_like(plane))
    axis = axis / axis.norm(dim=-1, keepdim=True).clamp_min(1e-9)
    # law of cosines: how far the shank turns away from the thigh's line
    cosine = ((wanted.square() - one.square() - two.square()) / (2 * one * two)).clamp(-1.0, 1.0)
    turned = along * cosine + torch.linalg.cross(axis, along) * (1 - cosine.square()).clamp_min(0).sqrt()
    at_knee = between(lower, turned)
    at_hip = between(upper + two * turned, target - hip)
    return at_hip @ thigh, at_hip @ at_knee @ shank


def between(a: Tensor, b: Tensor) -> Tensor:
    """(T, 3, 3) the smallest rotation from direction ``a`` to direction ``b`` (T, 3), not opposite ones."""
    a, b = torch.nn.functional.normalize(a, dim=-1), torch.nn.functional.normalize(b, dim=-1)
    v, c = torch.linalg.cross(a, b), (a * b).sum(-1)
    zero = torch.zeros_like(c)
    skew = torch.stack([zero, -v[:, 2], v[:, 1], v[:, 2], zero, -v[:, 0], -v[:, 1], v[:, 0], zero], -1)
    skew = skew.unflatten(-1, (3, 3))
    share = (1.0 / (1.0 + c).clamp_min(1e-6))[:, None, None]
    return torch.eye(3, dtype=a.dtype) + skew + skew @ skew * share
