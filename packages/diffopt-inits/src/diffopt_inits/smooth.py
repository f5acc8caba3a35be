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
    weight = np.where(visibility.sum(0) > 0, visibility, _TINY).T + _TINY
    wanted = np.asarray(points, np.float64).transpose(1, 0, 2)
    out, robust = wanted, np.ones_like(weight)
    # One system for all points: a band knows only neighbours, and the ties of each point end at its last frame.
    ties = empty(frames, 1)
    tie(ties, 1, ACCELERATE, (fps**2 / acceleration) ** 2)
    still = empty(frames, 1)
    tie(still, 1, STAND, 1e-6)
    for _ in range(rounds):
        trust = weight * robust / SIGMA**2
        band = ties[:, None] + still[:, None] * trust.max(1)[:, None]
        band[-1] += trust
        right = trust[..., None] * wanted
        out = solveh_banded(band.reshape(3, -1), right.reshape(-1, 3)).reshape(count, frames, 3)
        error = np.linalg.norm(out - wanted, axis=-1) / (3 * SIGMA)
        robust = (1 + error**2) ** -2
    return np.ascontiguousarray(out.transpose(1, 0, 2))
