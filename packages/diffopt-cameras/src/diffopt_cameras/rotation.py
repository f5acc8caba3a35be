"""A camera that only rotates: relative rotations between near and far frames, averaged into one path.

Neighbouring frames alone give a path that drifts; pairs further apart, as far as tracks last, correct it. All are
averaged on the graph of frames (Chatterjee and Govindu 2013, with the linear step on the whole graph).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu
from scipy.spatial.transform import Rotation

from .tracks import Tracks
from .wahba import Array, Shared, pair_rotations, residuals, share

#: Distances, in frames, of the pairs that correct drift.
_GAPS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144)
#: Pairs per call of the batched solver: bounds memory for long clips.
_CHUNK = 500
#: Largest residual of a rotation, as a share of the flow.
_LEFT = 0.1


@dataclass(frozen=True)
class RotationPath:
    """``R`` [T 3 3], first camera to each. ``solved`` [T]: frames with enough tracks; the others repeat the previous
    frame.

    ``residual``: px, median over the pairs of neighbouring frames of the median over points.
    """

    R: Array
    solved: NDArray[np.bool_]
    residual: float


def rotation_path(tracks: Tracks, focal: float) -> RotationPath:
    """Camera rotation at every frame. Frames that no track reaches keep the previous orientation."""
    frames = tracks.num_frames
    pairs = [(i, i + gap) for gap in _GAPS for i in range(0, frames - gap, max(1, gap // 3))]
    found, rotations, trust, near = [], [], [], []
    for k in range(0, len(pairs), _CHUNK):
        shared = share(tracks, pairs[k : k + _CHUNK])
        if not len(shared.pairs):
            continue
        R, error = pair_rotations(shared, focal, tracks.unit)
        middle = shared.median(error)
        found.append(shared.pairs)
        rotations.append(R)
        trust.append(shared.counts / np.maximum(middle / tracks.unit, 0.05) ** 2)
        near.append(middle[np.diff(shared.pairs, axis=1).ravel() == 1])
    if not found:
        return RotationPath(np.broadcast_to(np.eye(3), (frames, 3, 3)).copy(), np.arange(frames) == 0, np.inf)
    edges, relative, weight = np.concatenate(found), np.concatenate(rotations), np.concatenate(trust)
    R, solved = average(edges, relative, weight, frames)
    neighbours = np.concatenate(near)
    return RotationPath(R, solved, float(np.median(neighbours)) if len(neighbours) else np.inf)


def average(
    edges: NDArray[np.int64], relative: Array, weight: Array, frames: int, rounds: int = 8
) -> tuple[Array, NDArray[np.bool_]]:
    """``R`` [T 3 3] with ``R_j R_i^T`` near ``relative`` of each edge ``(i, j)``, and whether each frame is connected
    to the first frame that has an edge."""
    parts, label = sp.csgraph.connected_components(
        sp.coo_matrix((np.ones(len(edges)), edges.T), shape=(frames, frames)), directed=False
    )
    R = _chain(edges, relative, frames)
    # frames without an edge are tied to the one before
    lone = np.flatnonzero(label[1:] != label[:-1]) if parts > 1 else np.zeros(0, int)
    ties = np.stack([lone, lone + 1], -1)
    solved = label == np.bincount(label).argmax()
    relative = np.concatenate([relative, R[ties[:, 1]] @ R[ties[:, 0]].swapaxes(-1, -2)])
    edges, weight = np.concatenate([edges, ties]), np.concatenate([weight, np.full(len(ties), weight.max() * 1e-6)])
    weight = weight / weight.mean()
    rows = np.repeat(np.arange(len(edges)), 2)
    incidence = sp.csr_matrix((np.tile([-1.0, 1.0], len(edges)), (rows, edges.ravel())), shape=(len(edges), frames))
    robust = np.ones(len(edges))
    for _ in range(rounds):
        ahead = R[edges[:, 1]].swapaxes(-1, -2) @ relative @ R[edges[:, 0]]
        wanted = Rotation.from_matrix(ahead).as_rotvec()
        size = np.linalg.norm(wanted, axis=-1)
        scale = max(2 * float(np.median(size)), 1e-5)
        robust = 1 / (1 + (size / scale) ** 2)
        scaled = incidence.multiply((weight * robust)[:, None]).tocsr()
        normal = (incidence.T @ scaled)[1:, 1:].tocsc()
        step = splu(normal).solve((scaled.T @ wanted)[1:])
        R[1:] = R[1:] @ Rotation.from_rotvec(step).as_matrix()
        if np.abs(step).max() < 1e-9:
            break
    return R, solved


def _chain(edges: NDArray[np.int64], relative: Array, frames: int) -> Array:
    """The path through each frame's nearest earlier neighbour."""
    nearest = np.full(frames, -1)
    order = np.lexsort((edges[:, 0], edges[:, 1]))
    nearest[edges[order, 1]] = order  # the last written is the latest first frame
    R = np.empty((frames, 3, 3))
    R[0] = np.eye(3)
    for j in range(1, frames):
        edge = nearest[j]
        R[j] = R[j - 1] if edge < 0 else relative[edge] @ R[edges[edge, 0]]
    return R


@dataclass(frozen=True)
class RotationEvidence:
    """Fit of a rotation-only camera over pairs of frames about one second apart (px at 960).

    ``explained``: share of the pairs in which the residual is small beside the flow, or small as such.
    """

    flow: float
    residual: float
    explained: float
    pairs: int
    most: float  # flow of the pair that moves most

    def facts(self) -> dict[str, float | int]:
        return {
            "flow_px": round(self.flow, 3),
            "largest_flow_px": round(self.most, 3),
            "residual_px": round(self.residual, 3),
            "explained": round(self.explained, 3),
            "pairs": self.pairs,
        }


def windows(tracks: Tracks, gap: int, at_most: int = 120) -> Shared:
    """Pairs of frames ``gap`` apart, or closer where too few tracks last that long; spread evenly over the clip."""
    frames = tracks.num_frames
    gap = max(1, min(gap, frames - 1))
    pairs = []
    for i in np.unique(np.linspace(0, max(frames - 1 - gap, 0), at_most).astype(int)):
        had, reach = int(tracks.start[i + 1] - tracks.start[i]), gap
        while reach > 1 and len(tracks.common(int(i), int(i) + reach)[0]) < max(40, 0.25 * had):
            reach //= 2
        pairs.append((int(i), int(i) + reach))
    return share(tracks, [pair for pair in pairs if pair[1] < frames])


def rotation_evidence(tracks: Tracks, shared: Shared, focal: float, small: float) -> RotationEvidence:
    """Fit a rotation to each pair; a pair is explained if at most a tenth of the flow or ``small`` px (at 960)
    remain."""
    if not len(shared.pairs):
        return RotationEvidence(0.0, np.inf, 0.0, 0, 0.0)
    rotations, _ = pair_rotations(shared, focal, tracks.unit)
    error = shared.median(residuals(shared, rotations, focal)) / tracks.unit
    flow = shared.flow() / tracks.unit
    explained = (error < _LEFT * flow) | (error < small)
    return RotationEvidence(
        float(np.median(flow)), float(np.median(error)), float(explained.mean()), len(flow), float(flow.max())
    )
