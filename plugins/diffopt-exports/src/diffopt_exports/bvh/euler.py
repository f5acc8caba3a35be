"""Euler angles in degrees that do not jump."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.spatial.transform import Rotation
from torch import Tensor


def euler_degrees(rotations: Tensor, order: str) -> np.ndarray:
    """(T, ..., 3, 3) to (T, ..., 3): angles of ``order``, so that ``zxy`` means ``R = Rz Rx Ry``; each within half a
    turn of its predecessor."""
    flat = Rotation.from_matrix(rotations.double().reshape(-1, 3, 3).numpy())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # gimbal lock: the third angle is free, and set to zero
        angles = flat.as_euler(order.upper(), degrees=True)
    return np.unwrap(angles.reshape(*rotations.shape[:-2], 3), period=360.0, axis=0)
