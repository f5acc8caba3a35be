"""A lens that zooms: how much larger the background becomes, frame by frame.

A zoom scales the whole image, a camera that moves forward scales near things more than far ones. Between two frames a
similarity is fitted to the tracks; all pairs together give one factor a frame. Tracks divided by it are those of a lens
that does not zoom, on which the other models are tried.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from .tracks import Tracks
from .wahba import Array, Shared, share

#: Distances of the pairs, frames: between further ones a turn is no longer nearly a shift.
_GAPS = (1, 2, 3, 5, 8, 13, 21)
#: Error scales of the annealed Geman-McClure weights, px at 960.
_SCALES = (32.0, 16.0, 8.0, 4.0, 2.0, 1.0, 1.0)
#: Least zoom, as a factor, that counts as one.
LEAST = 1.03


def zoom_path(tracks: Tracks) -> Array | None:
    """Factor [T] by which each frame is larger than the widest one; None where the tracks do not reach all frames."""
    frames = tracks.num_frames
    shared = share(tracks, [(i, i + gap) for gap in _GAPS for i in range(0, frames - gap, max(1, gap // 3))])
    if not len(shared.pairs):
        return None
    factor, error = _similarities(shared, tracks.unit)
    weight = shared.counts / np.maximum(shared.median(error) / tracks.unit, 0.05) ** 2
    weight = weight / weight.mean()
    i, j = shared.pairs.T
    reached = np.zeros(frames, bool)
    reached[i] = reached[j] = True
    if not reached.all():
        return None
    row = np.arange(len(i))
    difference = sp.coo_matrix(
        (np.r_[np.ones(len(i)), -np.ones(len(i))], (np.r_[row, row], np.r_[j, i])), shape=(len(i), frames)
    ).tocsr()
    normal = difference.T @ sp.diags(weight) @ difference + 1e-9 * sp.eye(frames)
    found = splu(normal.tocsc()).solve(difference.T @ (weight * np.log(factor)))
    return np.asarray(np.exp(found - found.min()))


def unzoomed(tracks: Tracks, zoom: Array) -> Tracks:
    """The tracks as a lens would see them that stays at its widest."""
    centre = np.array(tracks.size) / 2
    return replace(tracks, xy=centre + (tracks.xy - centre) / zoom[tracks.frame, None])


def _similarities(shared: Shared, unit: float) -> tuple[Array, Array]:
    """Scale of each pair [P], and px residuals [M], by reweighted least squares."""
    a, b = shared.first @ [1, 1j], shared.second @ [1, 1j]
    weight = np.ones(len(a))
    pair, start = shared.pair, shared.start
    for scale in _SCALES:
        total = np.add.reduceat(weight, start)
        mean_a = np.add.reduceat(weight * a, start) / total
        mean_b = np.add.reduceat(weight * b, start) / total
        x, y = a - mean_a[pair], b - mean_b[pair]
        turn = np.add.reduceat(weight * x.conj() * y, start) / np.add.reduceat(weight * np.abs(x) ** 2 + 1e-12, start)
        error = np.abs(y - turn[pair] * x)
        weight = (1 / (1 + (error / (scale * unit)) ** 2)) ** 2 + 1e-9
    return np.abs(turn).clip(1e-3, 1e3), error
