"""What a monocular SLAM makes of the true camera: drift, an arbitrary scale, the first camera's frame as its world."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .camera import TrueCamera
from .noise import Array, exp_rotation, random_walk
from .settings import SlamSettings


@dataclass(frozen=True)
class SlamTrack:
    """``x_cam = R x + t`` in the SLAM's own world; ``scale``: its units a metre."""

    R: Array  # T 3 3
    t: Array  # T 3
    focal: float
    scale: float


def track(camera: TrueCamera, settings: SlamSettings, rng: np.random.Generator) -> SlamTrack:
    """SLAM estimate of a camera. The world is the first camera's frame (up to the drift), hence not level."""
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
