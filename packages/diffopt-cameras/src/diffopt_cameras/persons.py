"""The focal length from the person's proportions: what is nearer to the camera is seen larger, the more so the shorter
the lens.

The detector's 3D landmarks, moved to where they fit the keypoints best, fit better at some focal lengths than at
others. Their depth is noisy, so this is weak; it rules out lenses that are much too wide.
"""

from __future__ import annotations

import numpy as np
from diffopt_core.data.skeleton import LAYOUTS
from diffopt_core.types import Observations

from .wahba import Array

#: Independent looks at a person in a clip: errors of landmarks last, and repeat in every frame of a pose.
_LOOKS = 10.0
_CONFIDENT, _LEAST_POINTS, _LEAST_FRAMES = 0.5, 8, 5
_PARTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "foot_index", "big_toe")


def log_likelihood(observations: Observations, size: tuple[int, int], focal: Array) -> Array:
    """Of each focal length [K], px; 0 without 3D landmarks. ``size`` of the image, px."""
    seen = observations
    if seen.landmarks is None or seen.landmark_layout != seen.layout:
        return np.zeros(len(focal))
    names = LAYOUTS[seen.layout]
    some = [i for i, name in enumerate(names) if name == "nose" or name.partition("_")[2] in _PARTS]
    flat, solid = (x.double().numpy()[:, some] for x in (seen.keypoints, seen.landmarks))
    weight = ((flat[..., 2] > _CONFIDENT) & (solid[..., 3] > _CONFIDENT)).astype(float)
    there = (weight.sum(1) >= _LEAST_POINTS) & seen.valid.numpy()
    if there.sum() < _LEAST_FRAMES:
        return np.zeros(len(focal))
    left = [_misfit(flat[there, :, :2] - np.array(size) / 2, solid[there, :, :3], weight[there], f) for f in focal]
    return np.asarray(-_LOOKS * np.log(np.maximum(left, 1e-4)))


def _misfit(flat: Array, solid: Array, weight: Array, focal: float) -> float:
    """Root mean square, m, by which points ``solid`` [T J 3], moved, miss the rays of ``flat`` [T J 2], px."""
    u = flat / focal
    moves = np.concatenate([np.broadcast_to(np.eye(2), (*u.shape, 2)), -u[..., None]], -1)
    wanted = u * solid[..., 2:] - solid[..., :2]
    normal = np.einsum("tjki,tjkl,tj->til", moves, moves, weight) + 1e-9 * np.eye(3)
    right = np.einsum("tjki,tjk,tj->ti", moves, wanted, weight)
    move = np.linalg.solve(normal, right[..., None])[..., 0]
    miss = np.einsum("tjki,ti->tjk", moves, move) - wanted
    return float(np.sqrt((weight[..., None] * miss**2).sum() / (2 * weight.sum())))
