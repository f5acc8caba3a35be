"""Squared distances between rotations whose gradients stay finite, from no difference at all to half a turn."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

RotationMetric = Literal["chordal", "geodesic", "axis_angle"]


def squared_distance(
    a: Float[Tensor, "*b 3 3"], b: Float[Tensor, "*b 3 3"], metric: RotationMetric
) -> Float[Tensor, "*b"]:
    """Squared distance of ``a`` from ``b``.

    ``chordal``: Frobenius norm of the difference, ``8 sin(angle / 2)^2``, about ``2 angle^2``; smooth everywhere.
    ``geodesic``: angle between the two, rad^2. ``axis_angle``: difference of the two axis-angle vectors, rad^2,
    which is eq. 5 to the letter and jumps where either passes half a turn.
    """
    if metric == "chordal":
        return (a - b).square().sum((-1, -2))
    if metric == "geodesic":
        return logarithm(b.mT @ a).square().sum(-1)
    return (logarithm(a) - logarithm(b)).square().sum(-1)


def logarithm(matrix: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 3"]:
    """Axis-angle vector, rad, by way of the quaternion.

    Written with gathers and selections only: the host never waits, and no branch that is not taken can put a NaN
    into the gradient.
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = (row.unbind(-1) for row in matrix.unbind(-2))
    wx, wy, wz = zy - yz, xz - zx, yx - xy
    # Row k is 4 q_k times the quaternion (w, x, y, z); the row of the largest component is well conditioned.
    rows = torch.stack(
        [
            torch.stack([1 + xx + yy + zz, wx, wy, wz], -1),
            torch.stack([wx, 1 + xx - yy - zz, xy + yx, xz + zx], -1),
            torch.stack([wy, xy + yx, 1 - xx + yy - zz, yz + zy], -1),
            torch.stack([wz, xz + zx, yz + zy, 1 - xx - yy + zz], -1),
        ],
        -2,
    )
    largest = rows.diagonal(dim1=-2, dim2=-1).argmax(-1)
    row = rows.gather(-2, largest[..., None, None].expand(*largest.shape, 1, 4)).squeeze(-2)
    quaternion = row / row.norm(dim=-1, keepdim=True)
    quaternion = torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    w, v = quaternion[..., :1], quaternion[..., 1:]
    squared = v.square().sum(-1, keepdim=True)
    small = squared < 1e-8
    sine = torch.where(small, torch.ones_like(squared), squared).sqrt()
    return v * torch.where(small, 2 + squared / 3, 2 * torch.atan2(sine, w) / sine)
