"""Simulated output of BlazePose: 2D and 3D points with the errors of :mod:`diffopt_core.data.blazepose`."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ....data.blazepose import ARMS, PointNoise, noise_of
from ....data.skeleton import BLAZEPOSE33
from .evidence import Array, ornstein_uhlenbeck

LAYOUT = "blazepose33"
_INDEX = {name: i for i, name in enumerate(BLAZEPOSE33)}
_HIPS = [_INDEX["left_hip"], _INDEX["right_hip"]]
#: Time over which a depth has to change for the landmarks to follow it, s (Gaussian).
_FOLLOWS = 1.0
#: Correlation of errors within the head and shoulders, an arm or a leg.
_TOGETHER = 0.5
_LIMBS = {"elbow", "wrist", "pinky", "index", "thumb"}, {"knee", "ankle", "heel", "foot"}
_TRUNK = {"nose", "eye", "ear", "mouth", "shoulder"}


def _members(words: set[str], side: str = "") -> list[int]:
    names = [(i, set(name.split("_"))) for i, name in enumerate(BLAZEPOSE33) if name.startswith(side)]
    return [i for i, own in names if words & own and ("foot" in words or "foot" not in own)]


_ALIKE = [_members(_TRUNK), *(_members(limb, side) for limb in _LIMBS for side in ("left", "right"))]


def see(
    points: Array, pixels: Array, size: Array, fps: float, model: str, image: tuple[int, int], hidden: Array,
    rng: np.random.Generator,
) -> tuple[Array, Array]:  # fmt: skip
    """(T, 33, 3) keypoints, px and confidence, and (T, 33, 4) landmarks, m about the middle of the hips, visibility.

    ``points``: (T, 33, 3) true points in the camera frame, m; ``pixels``: (T, 33, 2) where they are seen; ``size``:
    (T,) height of the body in the image, px; ``hidden``: (T, 33) points that are occluded; ``model``: a key of
    :data:`diffopt_core.data.blazepose.NOISE`.
    """
    each = [noise_of(name, model) for name in BLAZEPOSE33]
    seen = pixels + size[:, None, None] * _image_noise(each, len(points), fps, rng)
    inside = ((seen >= 0) & (seen < np.array(image))).all(-1)
    visible = np.where(hidden, 0.2, np.clip(0.95 + 0.05 * rng.standard_normal(hidden.shape), 0.5, 1.0))
    keypoints = np.concatenate([seen, (visible * inside)[..., None]], -1)
    return keypoints, np.concatenate([_landmarks(points, each, model, fps, rng), visible[..., None]], -1)


def _landmarks(points: Array, each: list[PointNoise], model: str, fps: float, rng: np.random.Generator) -> Array:
    about = points - points[:, _HIPS].mean(1, keepdims=True)
    depth = about[..., 2]
    lasting = gaussian_filter1d(depth, _FOLLOWS * fps, axis=0, mode="nearest")
    gain = np.array([one.gain for one in each])
    about[..., 2] = lasting + gain * (depth - lasting)
    mean, sd = ARMS[model]
    for side in ("left", "right"):
        shoulder, elbow = _INDEX[f"{side}_shoulder"], _INDEX[f"{side}_elbow"]
        rest = [_INDEX[f"{side}_{part}"] for part in ("wrist", "pinky", "index", "thumb")]
        upper, fore = mean + sd * rng.standard_normal(2)
        bone, hand = about[:, elbow] - about[:, shoulder], about[:, rest] - about[:, [elbow]]
        about[:, elbow] = about[:, shoulder] + upper * bone
        about[:, rest] = about[:, [elbow]] + fore * hand
    bias, slow, white = (np.array([getattr(one, key) for one in each]) for key in ("bias", "slow", "white"))
    time = float(np.mean([one.time for one in each])) * fps
    frames = len(points)
    noise = bias * _shared(rng.standard_normal((1, 33, 3)), rng)
    noise = noise + slow * _shared(ornstein_uhlenbeck(rng, (frames, 33, 3), 1.0, time), rng)
    noise = noise + white * rng.standard_normal((frames, 33, 3))
    about = about + noise
    return about - about[:, _HIPS].mean(1, keepdims=True)


def _shared(noise: Array, rng: np.random.Generator) -> Array:
    """The same unit noise, with a part that all points of the head and shoulders, an arm or a leg have in common."""
    out = np.sqrt(1 - _TOGETHER) * noise
    for members in _ALIKE:
        out[:, members] += np.sqrt(_TOGETHER) * noise[:, rng.permutation(members)[:1]]
    return out


def _image_noise(each: list[PointNoise], frames: int, fps: float, rng: np.random.Generator) -> Array:
    bias, slow, white = (np.array([getattr(one, f"image_{key}") for one in each]) for key in ("bias", "slow", "white"))
    time = float(np.mean([one.image_time for one in each])) * fps
    noise = bias[:, None] * rng.standard_normal((1, 33, 2))
    noise = noise + slow[:, None] * ornstein_uhlenbeck(rng, (frames, 33, 2), 1.0, max(time, 1.0))
    return noise + white[:, None] * rng.standard_normal((frames, 33, 2))
