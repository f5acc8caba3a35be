"""What files share: which axis is up and in which unit, unit quaternions, and the words that stand beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffopt_core.data.rotation import matrix_to_quaternion
from torch import Tensor

from .options import MotionOptions
from .performance import Performance

#: Y up to Z up: a quarter turn about x. Forward, +z, becomes -y.
_Z_FROM_Y = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0))
_PER_METRE = {"m": 1.0, "cm": 100.0}


@dataclass(frozen=True)
class Axes:
    """``up``: y or z; ``unit``: m or cm. A point is written as ``scale * W x``."""

    up: str = "y"
    unit: str = "m"

    @property
    def scale(self) -> float:
        return _PER_METRE[self.unit]

    @property
    def matrix(self) -> Tensor:
        """``W`` (3, 3), float64."""
        if self.up == "y":
            return torch.eye(3, dtype=torch.float64)
        return torch.tensor(_Z_FROM_Y, dtype=torch.float64)

    def points(self, points: Tensor) -> np.ndarray:
        """(..., 3) world metres to the file's axes and unit, float64."""
        return (self.scale * (points.double() @ self.matrix.mT)).numpy()

    def rotations(self, rotations: Tensor) -> Tensor:
        """(..., 3, 3) to the file's axes, where the rest pose is turned as well: ``W R W^T``."""
        return self.matrix @ rotations.double() @ self.matrix.mT

    def describe(self) -> dict[str, str]:
        forward = "+z" if self.up == "y" else "-y"
        return {
            "axes": f"right-handed, {self.up} up; a body that faces {forward} has its left on +x",
            "unit": self.unit,
        }


def chosen(up: str, unit: str, usual: Axes) -> Axes:
    """The axes asked for; ``auto`` gives the format's usual ones."""
    return Axes(usual.up if up == "auto" else up, usual.unit if unit == "auto" else unit)


def smooth_quaternions(rotations: Tensor) -> Tensor:
    """(T, ..., 3, 3) to (T, ..., 4), x y z w; each on the side of its predecessor, since q and -q are one rotation and
    a reader that takes the straight line between them would turn the long way."""
    quaternions = matrix_to_quaternion(rotations)
    flips = (quaternions[1:] * quaternions[:-1]).sum(-1, keepdim=True) < 0
    sign = torch.where(flips, -1.0, 1.0).to(quaternions).cumprod(0)
    return torch.cat([quaternions[:1], quaternions[1:] * sign])


def describe(performance: Performance, options: MotionOptions, axes: Axes, **own: Any) -> Mapping[str, Any]:
    """Plain data; ``own``: what the format adds."""
    return {
        "name": performance.name,
        "frames": performance.num_frames,
        "fps": performance.fps,
        **axes.describe(),
        "body_model": performance.body_model,
        "betas_of": performance.betas_of,
        "options": options.model_dump(mode="json"),
        **own,
        **performance.facts,
    }
