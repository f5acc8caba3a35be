"""What a 2D detector makes of the true keypoints: jitter, outliers, occlusions, confidences."""

from __future__ import annotations

import numpy as np

from .noise import Array, ornstein_uhlenbeck
from .settings import KeypointSettings

# Confidence as measured on simulated cases: falls with a keypoint's own noise, wavers, and is lower for outliers.
_BEST, _SLOPE, _WAVER, _LOWEST, _HIGHEST = 0.98, 38.0, 0.05, 0.3, 0.8
_OUTLIER_FACTOR = (0.3, 1.0)


def detect(
    pixels: Array, size: Array, served: Array, image: tuple[int, int], settings: KeypointSettings,
    rng: np.random.Generator,
) -> Array:  # fmt: skip
    """(T, J, 3) keypoints: x px, y px, confidence.

    ``pixels``: (T, J, 2) true positions. ``size``: (T,) height of the body in the image, px. ``served``: (J,) which
    keypoints are given at all; the others, and what falls outside the image, get zeros.
    """
    frames, points = pixels.shape[:2]
    unit = size[:, None, None]
    least, most = settings.sd
    sd = np.asarray(rng.uniform(least, most, points))
    slow = ornstein_uhlenbeck(rng, (frames, points, 2), 1.0, settings.time)
    fast = rng.standard_normal((frames, points, 2))
    jitter = np.sqrt(settings.correlated) * slow + np.sqrt(1.0 - settings.correlated) * fast
    seen = pixels + unit * sd[:, None] * jitter
    confidence = _BEST - _SLOPE * sd + rng.normal(0.0, _WAVER, (frames, points))
    confidence = np.clip(confidence, _LOWEST, _HIGHEST)

    outlier = rng.random((frames, points)) < settings.outliers
    seen = seen + outlier[..., None] * unit * rng.normal(0.0, settings.outlier_sd, seen.shape)
    confidence = np.where(
        outlier, confidence * rng.uniform(_OUTLIER_FACTOR[0], _OUTLIER_FACTOR[1], confidence.shape), confidence
    )

    hidden = occlusions(frames, served, settings, rng)
    strayed = ornstein_uhlenbeck(rng, seen.shape, settings.occluded_sd, settings.time)
    seen = seen + hidden[..., None] * unit * strayed
    confidence = np.where(hidden, settings.occluded_confidence, confidence)

    inside = ((seen >= 0) & (seen < np.array(image))).all(-1)
    given = inside & served
    return np.where(given[..., None], np.concatenate([seen, confidence[..., None]], -1), 0.0)


def occlusions(frames: int, served: Array, settings: KeypointSettings, rng: np.random.Generator) -> Array:
    """(T, J) bool: a few groups of keypoints hidden for a while."""
    hidden = np.zeros((frames, len(served)), bool)
    candidates = np.flatnonzero(served)

    def between(least: int, most: int) -> int:
        return int(rng.integers(least, most + 1))

    for _ in range(between(*settings.occlusions)):
        points = min(len(candidates), between(*settings.occluded_points))
        length = min(frames, between(*settings.occluded_frames))
        start = between(0, frames - length)
        chosen = rng.choice(candidates, points, replace=False)
        hidden[start : start + length, chosen] = True
    return hidden
