"""Rotations between pairs of frames from the bearings of shared tracks, robustly, all pairs at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from .tracks import Tracks

Array = NDArray[np.float64]
#: Error scales of the annealed Geman-McClure weights, px at 960: wide at first, to tolerate a poor start.
_SCALES = (64.0, 32.0, 16.0, 8.0, 4.0, 2.0, 1.0, 1.0)


@dataclass(frozen=True)
class Shared:
    """Tracks shared by pairs of frames: row ``k`` is one track in both frames of pair ``pair[k]``.

    ``pairs`` [P 2] frames; ``first``, ``second`` [M 2] px from the image's centre; ``start`` [P] first row of a pair.
    """

    pairs: NDArray[np.int64]
    first: Array
    second: Array
    start: NDArray[np.int64]

    @property
    def pair(self) -> NDArray[np.int64]:
        return np.repeat(np.arange(len(self.pairs)), self.counts)

    @property
    def counts(self) -> NDArray[np.int64]:
        return np.diff(np.append(self.start, len(self.first)))

    def median(self, values: Array) -> Array:
        """Median of each pair's rows."""
        order = np.lexsort((values, self.pair))
        low, high = self.start + (self.counts - 1) // 2, self.start + self.counts // 2
        return (values[order][low] + values[order][high]) / 2

    def flow(self) -> Array:
        """Median motion of the points of each pair, px."""
        return self.median(np.linalg.norm(self.second - self.first, axis=-1))

    def pick(self, rows: NDArray[np.int64]) -> Shared:
        """A copy with the given rows (sorted), for resampling; pairs without rows are dropped."""
        counts = np.bincount(self.pair[rows], minlength=len(self.pairs))
        held = counts > 0
        start = np.concatenate([[0], np.cumsum(counts[held])[:-1]])
        return Shared(self.pairs[held], self.first[rows], self.second[rows], start)


def share(tracks: Tracks, pairs: Sequence[tuple[int, int]], fewest: int = 12) -> Shared:
    """Gather the shared tracks of pairs of frames; pairs with fewer than ``fewest`` are left out."""
    centre = np.array(tracks.size) / 2
    kept, rows = [], []
    for i, j in pairs:
        a, b = tracks.common(i, j)
        if len(a) >= fewest:
            kept.append((i, j))
            rows.append((a, b))
    counts = [len(a) for a, _ in rows]
    start = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64) if rows else np.zeros(0, np.int64)
    first = np.concatenate([a for a, _ in rows]) if rows else np.zeros(0, np.int64)
    second = np.concatenate([b for _, b in rows]) if rows else np.zeros(0, np.int64)
    return Shared(np.array(kept, np.int64).reshape(-1, 2), tracks.xy[first] - centre, tracks.xy[second] - centre, start)


def bearings(centred: Array, focal: float) -> Array:
    """Unit rays [... 3] of px from the image's centre."""
    rays = np.concatenate([centred / focal, np.ones((*centred.shape[:-1], 1))], -1)
    return rays / np.linalg.norm(rays, axis=-1, keepdims=True)


def residuals(shared: Shared, rotations: Array, focal: float) -> Array:
    """Residual [M], px, of each point under the rotation of its pair."""
    rays = bearings(shared.first, focal)
    turned = np.einsum("mij,mj->mi", rotations[shared.pair], rays)
    there = focal * turned[:, :2] / np.maximum(turned[:, 2:], 1e-3)
    return np.asarray(np.linalg.norm(there - shared.second, axis=-1))


def pair_rotations(shared: Shared, focal: float, unit: float) -> tuple[Array, Array]:
    """Rotation of each pair, first camera to second [P 3 3], and px residuals [M] (Wahba's problem, SVD).

    Weights are Geman-McClure's, annealed from wide to narrow, which rejects a person who covers half of the points
    without random sampling.
    """
    a, b = bearings(shared.first, focal), bearings(shared.second, focal)
    outer = b[:, :, None] * a[:, None, :]
    weight = np.ones(len(a))
    rotations = np.broadcast_to(np.eye(3), (len(shared.pairs), 3, 3))
    error = np.zeros(len(a))
    for scale in _SCALES:
        moments = np.add.reduceat(weight[:, None, None] * outer, shared.start, axis=0)
        u, _, vt = np.linalg.svd(moments)
        flip = np.ones((len(u), 1, 3))
        flip[:, 0, 2] = np.linalg.det(u @ vt)
        rotations = (u * flip) @ vt
        error = residuals(shared, rotations, focal)
        weight = (1 / (1 + (error / (scale * unit)) ** 2)) ** 2 + 1e-9
    return rotations, error


def angle(rotations: Array) -> Array:
    """Angle [...] of rotations, radians."""
    return np.asarray(Rotation.from_matrix(rotations.reshape(-1, 3, 3)).magnitude().reshape(rotations.shape[:-2]))
