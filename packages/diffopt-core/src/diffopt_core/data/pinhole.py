"""What a camera sees of points, by component and with the gradient written out: frames are last in memory, as in
:mod:`.chain`, so that every operation runs over contiguous memory."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.autograd.function import once_differentiable

from .geometry import NEAREST


def seen(
    points: Float[Tensor, "B T J 3"],
    R: Float[Tensor, "B T 3 3"],
    t: Float[Tensor, "B T 3"],
    focal: Float[Tensor, "B T 2"],
    centre: Float[Tensor, "B T 2"],
) -> tuple[Float[Tensor, "B T J 2"], Float[Tensor, "B T J"]]:
    """Pixels and depths (m): :func:`.geometry.project` of :func:`.geometry.world_to_camera`. No gradient for
    ``centre``."""
    pixels, depth = _Seen.apply(
        points.transpose(1, 3), R.permute(0, 2, 3, 1), *(each.mT.contiguous() for each in (t, focal, centre))
    )
    return pixels.transpose(1, 3), depth.mT


def frames_last(values: Shaped[Tensor, "B T ..."]) -> Shaped[Tensor, "B T ..."]:
    """The same values, in memory as :func:`seen` has them."""
    return values.transpose(1, -1).contiguous().transpose(1, -1)


class _Seen(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, points: Tensor, R: Tensor, t: Tensor, focal: Tensor, centre: Tensor) -> tuple[Tensor, Tensor]:
        points, turn = points.contiguous(), R.unsqueeze(3)
        placed = torch.addcmul(t.unsqueeze(2), turn[:, :, 0], points[:, :1])
        placed.addcmul_(turn[:, :, 1], points[:, 1:2]).addcmul_(turn[:, :, 2], points[:, 2:])
        depth = placed[:, 2]
        near = depth.clamp_min(NEAREST)
        ray = placed[:, :2] / near.unsqueeze(1)
        ctx.save_for_backward(points, turn, depth, near, ray, focal)
        return torch.addcmul(centre.unsqueeze(2), ray, focal.unsqueeze(2)), depth.clone()

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, to_pixels: Tensor, to_depth: Tensor
    ) -> tuple[Tensor | None, Tensor | None, Tensor, Tensor, None]:
        points, turn, depth, near, ray, focal = ctx.saved_tensors
        across = (to_pixels * focal.unsqueeze(2)).div_(near.unsqueeze(1))
        along = (across * ray).sum(1).neg_().mul_(depth >= near).add_(to_depth)
        placed = torch.cat([across, along.unsqueeze(1)], dim=1)
        to_points = to_turn = None
        if ctx.needs_input_grad[0]:
            to_points = turn[:, 0] * placed[:, :1]
            to_points.addcmul_(turn[:, 1], placed[:, 1:2]).addcmul_(turn[:, 2], placed[:, 2:])
        if ctx.needs_input_grad[1]:
            to_turn = (placed.unsqueeze(2) * points.unsqueeze(1)).sum(3)
        return to_points, to_turn, placed.sum(2), (to_pixels * ray).sum(2), None
