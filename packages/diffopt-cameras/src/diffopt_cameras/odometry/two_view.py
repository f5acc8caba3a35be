"""The first two cameras: the essential matrix of a pair of frames with enough parallax (Nister 2004)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..tracks import Tracks
from ..wahba import pair_rotations, residuals, share
from .model import Array, Index


@dataclass(frozen=True)
class Pair:
    """Second camera seen from the first: ``R``, ``t`` (unit length). ``angle``: rad, median of the inliers' rays."""

    first: int
    second: int
    R: Array
    t: Array
    inliers: int
    angle: float


def candidates(tracks: Tracks, focal: float, at_most: int = 8) -> list[tuple[int, int]]:
    """Pairs of frames that a rotation explains badly and that share many tracks, the best first."""
    frames = tracks.num_frames
    pairs = {
        (int(i), int(i) + gap)
        for gap in (2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
        for i in np.linspace(0, frames - 1 - gap, 12).clip(0).astype(int)
        if i + gap < frames
    } or {(0, frames - 1)}
    shared = share(tracks, sorted(pairs), 30)
    if not len(shared.pairs):
        return []
    rotations, _ = pair_rotations(shared, focal, tracks.unit)
    left = shared.median(residuals(shared, rotations, focal)) / tracks.unit
    score = np.sqrt(shared.counts) * np.minimum(left, 25.0)
    return [(int(a), int(b)) for a, b in shared.pairs[np.argsort(-score)[:at_most]]]


def first_pair(tracks: Tracks, focal: float, seed: int) -> Pair | None:
    """The best of the candidates: by inliers, and by their angle up to 4 degrees. None where no pair has 30."""
    best: Pair | None = None
    for i, j in candidates(tracks, focal):
        pair = essential(tracks, i, j, focal, seed)
        if pair and (best is None or _worth(pair) > _worth(best)):
            best = pair
    return best


def _worth(pair: Pair) -> float:
    return float(np.sqrt(pair.inliers) * min(pair.angle, np.radians(4)))


def essential(tracks: Tracks, first: int, second: int, focal: float, seed: int) -> Pair | None:
    """Relative pose of two frames; None with fewer than 30 inliers."""
    rows: tuple[Index, Index] = tracks.common(first, second)
    if len(rows[0]) < 30:
        return None
    centre = np.array(tracks.size) / 2
    a, b = ((tracks.xy[r] - centre) / focal for r in rows)
    cv2.setRNGSeed(seed)
    E, mask = cv2.findEssentialMat(a, b, np.eye(3), method=cv2.RANSAC, prob=0.999, threshold=tracks.unit / focal)
    if E is None or np.shape(E) != (3, 3):
        return None
    count, R, t, mask = cv2.recoverPose(E, a, b, np.eye(3), mask=mask)
    inlier = np.ravel(mask) > 0
    if count < 30 or inlier.sum() < 30:
        return None
    ones = np.ones((int(inlier.sum()), 1))
    before, after = np.concatenate([a[inlier], ones], -1), np.concatenate([b[inlier], ones], -1) @ np.asarray(R)
    cosine = (before * after).sum(-1) / np.linalg.norm(before, axis=-1) / np.linalg.norm(after, axis=-1)
    middle = float(np.median(np.arccos(cosine.clip(-1, 1))))
    return Pair(first, second, np.asarray(R, np.float64), np.ravel(t).astype(np.float64), int(inlier.sum()), middle)
