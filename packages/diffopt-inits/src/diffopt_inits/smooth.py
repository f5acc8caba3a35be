"""Banded least squares over time: smoothing of landmarks, and translations from keypoints."""

from __future__ import annotations

import numpy as np

STAND = np.array([-1.0, 1.0])
ACCELERATE = np.array([1.0, -2.0, 1.0])


def solved(band: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The unknowns of a banded system."""
    from scipy.linalg import solveh_banded  # not at the top: it takes a tenth of the time to the first step

    return solveh_banded(band, right)


def empty(frames: int, width: int) -> np.ndarray:
    """Zeros in scipy's upper banded form, ``A[i, j] = band[2 width + i - j, j]``, for ``width`` unknowns per frame."""
    return np.zeros((2 * width + 1, width * frames))


def tie(band: np.ndarray, width: int, stencil: np.ndarray, weight: float) -> None:
    """Add ``weight * (stencil . unknown)^2`` for each unknown and every position of the stencil, in place."""
    places = band.shape[1] // width - len(stencil) + 1
    if places < 1:
        return
    for a in range(len(stencil)):
        for b in range(a, len(stencil)):
            row = 2 * width - width * (b - a)
            band[row, width * b : width * (b + places)] += weight * stencil[a] * stencil[b]


#: Expected error of a landmark, m.
SIGMA = 0.03
_TINY = 1e-6


def smooth_landmarks(
    points: np.ndarray, visibility: np.ndarray, fps: float, acceleration: float, rounds: int = 4
) -> np.ndarray:
    """Smoothed ``points [T N 3]``, m. ``visibility [T N]``, 0 if not visible; ``acceleration``: standard deviation,
    m/s^2.

    A point that is never visible keeps a tiny weight, so that it stays near the body.
    """
    frames, count = visibility.shape
    weight = np.where(visibility.sum(0) > 0, visibility, _TINY).T + _TINY
    wanted = np.asarray(points, np.float64).transpose(1, 0, 2)
    out, robust = wanted, np.ones_like(weight)
    # One banded system for all points; smoothness terms do not cross from one point to the next.
    ties = empty(frames, 1)
    tie(ties, 1, ACCELERATE, (fps**2 / acceleration) ** 2)
    still = empty(frames, 1)
    tie(still, 1, STAND, 1e-6)
    for _ in range(rounds):
        trust = weight * robust / SIGMA**2
        band = ties[:, None] + still[:, None] * trust.max(1)[:, None]
        band[-1] += trust
        right = trust[..., None] * wanted
        out = solved(band.reshape(3, -1), right.reshape(-1, 3)).reshape(count, frames, 3)
        error = np.linalg.norm(out - wanted, axis=-1) / (3 * SIGMA)
        robust = (1 + error**2) ** -2
    return np.ascontiguousarray(out.transpose(1, 0, 2))


#: Errors of neighbouring landmarks are correlated: this many count as one measurement.
CORRELATED = 4.0
_NEAREST = 0.3


def fit_translation(
    points: np.ndarray,
    ray: np.ndarray,
    weight: np.ndarray,
    focal: np.ndarray,
    fps: float,
    acceleration: float,
    start: np.ndarray | None = None,
    rounds: int = 8,
) -> np.ndarray:
    """Translations ``[T 3]``, m, of ``points [T N 3]`` (camera axes, m) that project to ``ray [T N 2]``.

    ``ray = (u - c) / f``; ``weight [T N]`` in [0, 1]; ``focal [T]`` px; ``acceleration``: standard deviation of the
    path's acceleration, m/s^2; ``start [T 3]``: an initial path, m, which is refined in a few ``rounds``.
    """
    used = np.any(weight > 0, axis=0)
    points, ray, weight = (np.asarray(a, np.float64)[:, used] for a in (points, ray, weight))
    scale = np.asarray(focal, np.float64)[:, None]
    zeros, ones = np.zeros_like(ray[..., 0]), np.ones_like(ray[..., 0])
    # two rows per point: [1 0 -x] t = x Z - X and [0 1 -y] t = y Z - Y
    rows = np.stack([np.stack([ones, zeros, -ray[..., 0]], -1), np.stack([zeros, ones, -ray[..., 1]], -1)], -2)
    right = ray * points[..., 2:] - points[..., :2]
    trust = weight * (scale / scale.mean()) ** 2
    path = _solve(rows, right, trust, fps, None) if start is None else np.asarray(start, np.float64)
    for _ in range(rounds):
        moved = points + path[:, None]
        depth = np.maximum(moved[..., 2], _NEAREST)
        error = np.linalg.norm(moved[..., :2] / depth[..., None] - ray, axis=-1) * scale  # px
        sigma = max(1.4826 * _weighted_median(error, weight), 1.0)
        robust = (1 + (error / (3 * sigma)) ** 2) ** -2
        trust = weight * robust * (scale / (depth * sigma)) ** 2 / CORRELATED
        path = _solve(rows, right, trust, fps, acceleration)
    return path


def _solve(
    rows: np.ndarray, right: np.ndarray, trust: np.ndarray, fps: float, acceleration: float | None
) -> np.ndarray:
    """Normal equations of all frames, banded (three unknowns per frame, two frames apart at most)."""
    frames = len(rows)
    flat = rows.reshape(frames, -1, 3)
    weighted = (flat * np.repeat(trust, 2, axis=1)[..., None]).transpose(0, 2, 1)
    normal = weighted @ flat
    moment = (weighted @ right.reshape(frames, -1, 1))[..., 0]
    band = empty(frames, 3)
    for i in range(3):
        for j in range(i, 3):
            band[6 + i - j, j::3] = normal[:, i, j]
    # a weak zero-velocity term, which only matters without observations
    tie(band, 3, STAND, 1e-6 * float(normal[:, 0, 0].mean()))
    if acceleration is not None:
        tie(band, 3, ACCELERATE, (fps**2 / acceleration) ** 2)
    return solved(band, moment.reshape(-1)).reshape(frames, 3)


def _weighted_median(values: np.ndarray, weight: np.ndarray) -> float:
    order = np.argsort(values, axis=None)
    total = np.cumsum(weight.reshape(-1)[order])
    return float(values.reshape(-1)[order][np.searchsorted(total, total[-1] / 2)]) if total[-1] > 0 else 0.0
