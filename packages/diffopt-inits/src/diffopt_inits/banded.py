"""Smoothness over time as a banded system: unknowns of one frame lie side by side, frames follow one another."""

from __future__ import annotations

import numpy as np

STAND = np.array([-1.0, 1.0])
ACCELERATE = np.array([1.0, -2.0, 1.0])


def empty(frames: int, width: int) -> np.ndarray:
    """Zeros in scipy's upper banded form, ``A[i, j] = band[2 width + i - j, j]``, for ``width`` unknowns a frame."""
    return np.zeros((2 * width + 1, width * frames))


def tie(band: np.ndarray, width: int, stencil: np.ndarray, weight: float) -> None:
    """Add ``weight * (stencil . unknown)^2`` for each unknown and every place of the stencil, in place."""
    places = band.shape[1] // width - len(stencil) + 1
    if places < 1:
        return
    for a in range(len(stencil)):
        for b in range(a, len(stencil)):
            row = 2 * width - width * (b - a)
            band[row, width * b : width * (b + places)] += weight * stencil[a] * stencil[b]
