"""Shared functions of terms: means over valid frames, soft logarithms, robust errors, rotation distances, weights."""

from __future__ import annotations

from math import log
from typing import Any, Literal, TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from ...data.invariant import atan2


def frame_mean(values: Float[Tensor, "B T"], frames: Bool[Tensor, "B T"]) -> Float[Tensor, "B"]:
    """Mean of ``values`` over the frames in the mask ``frames``; 0 for a clip without any."""
    weight = frames.to(values.dtype)
    return (values * weight).sum(1) / weight.sum(1).clamp_min(1.0)


def span(valid: Bool[Tensor, "B T"]) -> Bool[Tensor, "B T"]:
    """Frames from the first to the last valid one.

    Terms of the motion alone use these frames, because they are needed most in gaps of the observations.
    """
    count = valid.long()
    return (count.cumsum(1) > 0) & (count.flip(1).cumsum(1).flip(1) > 0)


def steps(frames: Bool[Tensor, "B T"], gap: int = 1, order: int = 1) -> Bool[Tensor, "B T2"]:
    """Mask of differences of ``order`` over ``gap`` frames that use only frames of the mask (``T2 = T - gap *
    order``)."""
    for _ in range(order):
        frames = frames[:, gap:] & frames[:, :-gap]
    return frames


def soft_log(scale: Tensor) -> Tensor:
    """``log(scale)``, continued below 0.01 by its tangent, so that the gradient of a negative scale points back."""
    least = 0.01
    tangent = log(least) + (scale - least) / least
    return torch.where(scale > least, scale.clamp_min(least).log(), tangent)


_Width = TypeVar("_Width", float, Tensor)


def geman_mcclure(squared: Tensor, width: _Width) -> Tensor:
    """``w^2 e^2 / (w^2 + e^2)`` of squared errors: ``e^2`` when small, at most ``w^2``. Units of ``squared``."""
    limit = width * width
    return limit * squared / (limit + squared)


def maybe_robust(squared: Tensor, width: float | None) -> Tensor:
    """:func:`geman_mcclure`, or the squared errors unchanged if ``width`` is None."""
    return squared if width is None else geman_mcclure(squared, width)


RotationMetric = Literal["chordal", "geodesic", "axis_angle"]


def squared_distance(
    a: Float[Tensor, "*b 3 3"], b: Float[Tensor, "*b 3 3"], metric: RotationMetric
) -> Float[Tensor, "*b"]:
    """Squared distance of ``a`` from ``b``.

    ``chordal``: Frobenius norm of the difference, ``8 sin(angle / 2)^2``, about ``2 angle^2``; smooth everywhere.
    ``geodesic``: angle between the two, rad^2. ``axis_angle``: difference of the two axis-angle vectors, rad^2, which
    is eq. 5 literally and is discontinuous where either passes half a turn.
    """
    if metric == "chordal":
        return _Chordal.apply(a, b)
    if metric == "geodesic":
        return logarithm(b.mT @ a).square().sum(-1)
    return (logarithm(a) - logarithm(b)).square().sum(-1)


class _Chordal(torch.autograd.Function):
    """The poses are the largest tensors of a step: their gradient is one product instead of four operations."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        apart = a - b
        ctx.save_for_backward(apart)
        return apart.square().sum((-1, -2))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None]:
        (apart,) = ctx.saved_tensors
        found = (2 * grad)[..., None, None] * apart
        return found, -found if ctx.needs_input_grad[1] else None


def logarithm(matrix: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 3"]:
    """Axis-angle vector, rad, through the quaternion.

    Uses only gathers and selections: the host never waits, and unused branches cannot produce NaN gradients.
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
    return v * torch.where(small, 2 + squared / 3, 2 * atan2(sine, w) / sine)


#: Approximate upper limit of the weights.
_MOST = 4.0


def sureness(variance: Float[Tensor, "*b"], sure: float) -> Float[Tensor, "*b"]:
    """Weights inversely proportional to the variance (rad^2), about 1 at a standard deviation of ``sure``."""
    return sure**2 / (variance + sure**2 / _MOST)
