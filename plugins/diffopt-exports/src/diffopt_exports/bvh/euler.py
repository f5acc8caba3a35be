"""Euler angles in degrees that do not jump."""

from __future__ import annotations

import numpy as np
import roma
from torch import Tensor


def euler_degrees(rotations: Tensor, order: str) -> np.ndarray:
    """(T, ..., 3, 3) to (T, ..., 3): angles of ``order``, so that ``zxy`` means ``R = Rz Rx Ry``; each within half a
    turn of its predecessor."""
    angles = roma.rotmat_to_euler(order.upper(), rotations.double(), degrees=True)
    return np.unwrap(angles.numpy(), period=360.0, axis=0)
