"""Where the pelvis is: the translation at which the posed body covers the 2D landmarks.

With ``x = (u - cx) / f`` a point ``(X, Y, Z)`` moved by ``t`` is seen at ``x`` if ``x (Z + tz) = X + tx``: linear
in ``t``. All frames are one least-squares problem, tied by the size that accelerations may have, so that the weak
direction (depth) is smoothed most and frames without the person are bridged; it is reweighted by the robust
weight of the pixel error (Geman-McClure).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded

from .banded import ACCELERATE, STAND, empty, tie

#: Errors of neighbouring landmarks agree with one another: that many count as one measurement.
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
    """Translations ``[T 3]``, m, of ``points [T N 3]`` (camera axes, m) that are seen along ``ray [T N 2]``.

    ``ray = (u - c) / f``; ``weight [T N]`` in [0, 1]; ``focal [T]`` px; ``acceleration``: standard deviation of
    that of the path, m/s^2; ``start [T 3]``: a path that is nearly right, m, which a few ``rounds`` make better.
    """
    used = np.any(weight > 0, axis=0)
    points, ray, weight = (np.asarray(a, np.float64)[:, used] for a in (points, ray, weight))
    scale = np.asarray(focal, np.float64)[:, None]
    zeros, ones = np.zeros_like(ray[..., 0]), np.ones_like(ray[..., 0])
    # two rows a point: [1 0 -x] t = x Z - X and [0 1 -y] t = y Z - Y
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
    """Normal equations of all frames, banded (three unknowns a frame, two frames apart at most)."""
    frames = len(rows)
    flat = rows.reshape(frames, -1, 3)
    weighted = (flat * np.repeat(trust, 2, axis=1)[..., None]).transpose(0, 2, 1)
    normal = weighted @ flat
    moment = (weighted @ right.reshape(frames, -1, 1))[..., 0]
    band = empty(frames, 3)
    for i in range(3):
        for j in range(i, 3):
            band[6 + i - j, j::3] = normal[:, i, j]
    # a weak tie that only matters where nothing is seen: stand still
    tie(band, 3, STAND, 1e-6 * float(normal[:, 0, 0].mean()))
    if acceleration is not None:
        tie(band, 3, ACCELERATE, (fps**2 / acceleration) ** 2)
    return solveh_banded(band, moment.reshape(-1)).reshape(frames, 3)


def _weighted_median(values: np.ndarray, weight: np.ndarray) -> float:
    order = np.argsort(values, axis=None)
    total = np.cumsum(weight.reshape(-1)[order])
    return float(values.reshape(-1)[order][np.searchsorted(total, total[-1] / 2)]) if total[-1] > 0 else 0.0
