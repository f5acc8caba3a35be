"""Which axis is up, and in which unit: from the world's Y up and metres to what a file asks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

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
