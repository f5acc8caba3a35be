"""What a camera-frame pose regressor makes of the true body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...skeleton import JOINT, NUM_JOINTS
from .noise import Array, exp_rotation, ornstein_uhlenbeck
from .settings import RegressorSettings

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
    """Estimate of a body whose truth is given in the camera frame, in the shapes of :class:`Estimate`."""
    s, frames = settings, len(pose)
    body = s.pose_constant * rng.standard_normal((1, NUM_JOINTS, 3))
    body = body + ornstein_uhlenbeck(rng, (frames, NUM_JOINTS, 3), s.pose_sd, s.pose_time)
    body = body + s.pose_white * rng.standard_normal((frames, NUM_JOINTS, 3))
    body[:, _TRUNK] *= s.trunk
    body[:, _HANDS] = 0.0  # no regressor of the SMPL family moves them
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
