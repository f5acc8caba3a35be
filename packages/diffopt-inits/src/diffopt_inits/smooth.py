"""Landmarks made steady and whole before the closed form sees them.

Weighted least squares on second differences (Whittaker 1923), reweighted by Geman-McClure: a jump of a few frames
gives way, a gap is bridged. Without it the closed form turns noise near a straight limb into twists that jump.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded

from .banded import ACCELERATE, STAND, empty, tie

#: Expected error of a landmark, m.
SIGMA = 0.03
_TINY = 1e-6


def smooth_landmarks(
    points: np.ndarray, visibility: np.ndarray, fps: float, acceleration: float, rounds: int = 4
) -> np.ndarray:
    """Smoothed ``points [T N 3]``, m. ``visibility [T N]``, 0 where not seen; ``acceleration`` m/s^2.

    A point that is never seen keeps a trace of a weight, so that it stays with the body.
    """
    frames, count = visibility.shape
    weight = np.where(visibility.sum(0) > 0, visibility, _TINY) + _TINY
    robust = np.ones_like(weight)
    out = np.array(points, np.float64)
    for n in range(count):
        for _ in range(rounds):
            trust = weight[:, n] * robust[:, n] / SIGMA**2
            band = empty(frames, 1)
            band[-1] = trust
            tie(band, 1, STAND, 1e-6 * trust.max())
            tie(band, 1, ACCELERATE, (fps**2 / acceleration) ** 2)
            out[:, n] = solveh_banded(band, trust[:, None] * points[:, n])
            error = np.linalg.norm(out[:, n] - points[:, n], axis=-1) / (3 * SIGMA)
            robust[:, n] = (1 + error**2) ** -2
    return out
