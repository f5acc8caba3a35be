"""Simulated evidence with noise: keypoints, a regressor's poses, cameras and their SLAM estimates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import lfilter

from ....data.skeleton import JOINT, NUM_JOINTS
from ..configs import CameraSettings, KeypointSettings, RegressorSettings, SlamSettings

Array = np.ndarray


def ornstein_uhlenbeck(rng: np.random.Generator, shape: tuple[int, ...], sd: float, time: float) -> Array:
    """Stationary first-order process; correlation ``exp(-lag / time)``, ``time`` in frames."""
    keep = np.exp(-1.0 / time)
    white = rng.standard_normal(shape)
    white[1:] *= np.sqrt(1.0 - keep**2)
    return sd * lfilter([1.0], [1.0, -keep], white, axis=0)


def hand(rng: np.random.Generator, shape: tuple[int, ...], sd: float, time: float) -> Array:
    """A smooth Ornstein-Uhlenbeck process for hand motion: filtered over time / 4, then rescaled to ``sd``."""
    window = time / 4.0
    pad = int(np.ceil(4.0 * window))
    smooth = gaussian_filter1d(ornstein_uhlenbeck(rng, (shape[0] + 2 * pad, *shape[1:]), 1.0, time), window, axis=0)
    return sd * smooth[pad : pad + shape[0]] / _smoothed_sd(time, window, pad)


def _smoothed_sd(time: float, window: float, pad: int) -> float:
    """Standard deviation of a unit Ornstein-Uhlenbeck process after the Gaussian filter."""
    impulse = np.zeros(2 * pad + 1)
    impulse[pad] = 1.0
    kernel = gaussian_filter1d(impulse, window, mode="constant")
    lags = np.abs(np.subtract.outer(np.arange(len(kernel)), np.arange(len(kernel))))
    return float(np.sqrt(kernel @ np.exp(-lags / time) @ kernel))


def random_walk(rng: np.random.Generator, shape: tuple[int, ...], sd: float) -> Array:
    """Sum of white steps of ``sd``; the first sample is one step from zero."""
    return np.cumsum(sd * rng.standard_normal(shape), axis=0)


def exp_rotation(rotvec: Array) -> Array:
    """(..., 3) axis-angle, rad, to (..., 3, 3) matrices (Rodrigues), double precision."""
    angle = np.linalg.norm(rotvec, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(rotvec, -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*rotvec.shape[:-1], 3, 3)
    first = np.sinc(angle / np.pi)  # sin(a) / a
    second = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2  # (1 - cos(a)) / a^2
    return np.eye(3) + first * cross + second * cross @ cross


# Confidence model: falls with a keypoint's own noise, fluctuates, and is lower for outliers.
_BEST, _SLOPE, _WAVER, _LOWEST, _HIGHEST = 0.98, 38.0, 0.05, 0.3, 0.8
_OUTLIER_FACTOR = (0.3, 1.0)


def detect(
    pixels: Array, size: Array, served: Array, image: tuple[int, int], settings: KeypointSettings,
    rng: np.random.Generator,
) -> Array:  # fmt: skip
    """(T, J, 3) keypoints: x px, y px, confidence.

    ``pixels``: (T, J, 2) true positions. ``size``: (T,) height of the body in the image, px. ``served``: (J,) which
    keypoints are detected at all; the others, and points outside of the image, are zero.
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
    """(T, J) bool: groups of keypoints that are occluded for some frames."""
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


_TRUNK = [JOINT[name] for name in ("spine1", "spine2", "spine3", "neck", "left_collar", "right_collar")]
_HANDS = [JOINT["left_hand"], JOINT["right_hand"]]


@dataclass(frozen=True)
class Estimate:
    """Camera frame: ``pose`` (T, 24, 3, 3) with joint 0 the root, ``transl`` (T, 3) pelvis in metres."""

    pose: Array
    transl: Array
    betas: Array


def regress(
    pose: Array, transl: Array, betas: Array, settings: RegressorSettings, rng: np.random.Generator
) -> Estimate:
    """Simulated regressor estimate of a body; the truth is in the camera frame, in the shapes of :class:`Estimate`."""
    s, frames = settings, len(pose)
    body = s.pose_constant * rng.standard_normal((1, NUM_JOINTS, 3))
    body = body + ornstein_uhlenbeck(rng, (frames, NUM_JOINTS, 3), s.pose_sd, s.pose_time)
    body = body + s.pose_white * rng.standard_normal((frames, NUM_JOINTS, 3))
    body[:, _TRUNK] *= s.trunk
    body[:, _HANDS] = 0.0  # SMPL regressors do not estimate the hands
    root = s.root_constant * rng.standard_normal((1, 3))
    root = root + ornstein_uhlenbeck(rng, (frames, 3), s.root_sd, s.root_time)
    erring = exp_rotation(body)
    estimated = pose @ erring
    estimated[:, 0] = exp_rotation(root) @ pose[:, 0]

    depth = s.depth_constant * rng.standard_normal() + ornstein_uhlenbeck(rng, (frames,), s.depth_sd, s.depth_time)
    depth = depth + s.depth_white * rng.standard_normal(frames)
    distance = transl[:, 2:] * np.maximum(1.0 + depth, 0.1)[:, None]
    ray = transl[:, :2] / transl[:, 2:] + s.ray_sd * rng.standard_normal((frames, 2))
    shape = betas + s.betas_sd * rng.standard_normal(betas.shape)
    return Estimate(estimated, np.concatenate([ray * distance, distance], -1), shape)


@dataclass(frozen=True)
class TrueCamera:
    """``x_cam = R x_world + t``, metres, world Y up; ``focal`` (both axes) and ``centre`` in px."""

    R: Array  # T 3 3
    t: Array  # T 3
    focal: float
    centre: tuple[float, float]

    @property
    def position(self) -> Array:
        """(T, 3) camera centres, m."""
        return -np.einsum("tji,tj->ti", self.R, self.t)

    def see(self, points: Array) -> tuple[Array, Array]:
        """(T, N, 2) px and (T, N) depth in m of (T, N, 3) world points."""
        inside = np.einsum("tij,tnj->tni", self.R, points) + self.t[:, None]
        depth = inside[..., 2]
        return inside[..., :2] / np.maximum(depth, 0.05)[..., None] * self.focal + np.array(self.centre), depth


def film(root: Array, fps: float, settings: CameraSettings, rng: np.random.Generator) -> TrueCamera:
    """A camera for a (T, 3) root path in metres."""
    frames = len(root)
    target = gaussian_filter1d(root, settings.follow * fps, axis=0, mode="nearest") if settings.follow else root
    azimuth = rng.uniform(-np.pi, np.pi) + rng.normal(0, settings.azimuth_rate) * np.arange(frames) / fps
    distance = rng.uniform(*settings.distance)
    height = rng.uniform(*settings.height)
    away = np.stack([np.sin(azimuth), np.zeros(frames), np.cos(azimuth)], -1)
    if settings.static:
        away = np.broadcast_to(away[frames // 2], away.shape)
        # The distance is that to the nearest point of the path, so that the person does not walk into the camera.
        middle = target.mean(0)
        distance += max(0.0, float(((target - middle) @ away[0]).max()))
        base = np.broadcast_to(middle, target.shape) + distance * away
    else:
        base = target + distance * away
    place = np.concatenate([base[:, :1], np.full((frames, 1), height), base[:, 2:]], -1)
    place = place + hand(rng, (frames, 3), settings.hand_sd, settings.hand_time * fps)
    aim = target + hand(rng, (frames, 3), settings.look_sd, settings.look_time * fps)
    roll = ornstein_uhlenbeck(rng, (frames,), settings.roll_sd, settings.roll_time * fps)
    R = look_at(place, aim, roll)
    focal = settings.focal * float(np.exp(rng.uniform(-settings.focal_spread, settings.focal_spread)))
    t = -np.einsum("tij,tj->ti", R, place)
    return TrueCamera(R, t, focal, (settings.size[0] / 2, settings.size[1] / 2))


def look_at(place: Array, aim: Array, roll: Array) -> Array:
    """(T, 3, 3) world to camera (x right, y down, z forward) for a camera at ``place`` that aims at ``aim``, Y up."""
    forward = aim - place
    forward = forward / np.linalg.norm(forward, axis=-1, keepdims=True)
    right = np.cross(forward, np.array([0.0, 1.0, 0.0]))
    right = right / np.linalg.norm(right, axis=-1, keepdims=True)
    level = np.stack([right, np.cross(forward, right), forward], -2)
    about_z = np.stack([np.zeros_like(roll), np.zeros_like(roll), roll], -1)
    return exp_rotation(about_z) @ level


@dataclass(frozen=True)
class SlamTrack:
    """``x_cam = R x + t`` in the SLAM's own world; ``scale``: its units per metre."""

    R: Array  # T 3 3
    t: Array  # T 3
    focal: float
    scale: float


def track(camera: TrueCamera, settings: SlamSettings, rng: np.random.Generator) -> SlamTrack:
    """Simulated SLAM estimate of a camera. Its world is the first camera's frame (up to drift), hence not level."""
    s, frames = settings, len(camera.R)
    drift = random_walk(rng, (frames, 3), s.rotation_walk) + s.rotation_white * rng.standard_normal((frames, 3))
    R = exp_rotation(drift) @ camera.R @ camera.R[0].T
    place = (camera.position - camera.position[0]) @ camera.R[0].T
    step = float(np.linalg.norm(np.diff(place, axis=0), axis=-1).mean())
    place = place + random_walk(rng, (frames, 3), s.position_walk * step)
    place = place + s.position_white * step * rng.standard_normal((frames, 3))
    place = place - place[0]
    scale = float(np.exp(rng.uniform(*np.log(s.scale))))
    focal = camera.focal * float(np.exp(rng.normal(0.0, s.focal_sd)))
    return SlamTrack(R, -scale * np.einsum("tij,tj->ti", R, place), focal, scale)
