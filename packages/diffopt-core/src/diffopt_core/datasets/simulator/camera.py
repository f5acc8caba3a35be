"""The true camera: follows the smoothed root around a slowly drifting azimuth, held by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from .noise import Array, exp_rotation, hand, ornstein_uhlenbeck
from .settings import CameraSettings


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
        # The person must not walk into the camera: the distance is that to the nearest point of the path.
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
