"""Unit quaternions for files whose readers interpolate between them."""

from __future__ import annotations

import torch
from diffopt_core.rotation import matrix_to_quaternion
from torch import Tensor


def smooth_quaternions(rotations: Tensor) -> Tensor:
    """(T, ..., 3, 3) to (T, ..., 4), x y z w; each on the side of its predecessor, since q and -q are one rotation and
    a reader that takes the straight line between them would turn the long way."""
    quaternions = matrix_to_quaternion(rotations)
    flips = (quaternions[1:] * quaternions[:-1]).sum(-1, keepdim=True) < 0
    sign = torch.where(flips, -1.0, 1.0).to(quaternions).cumprod(0)
    return torch.cat([quaternions[:1], quaternions[1:] * sign])
