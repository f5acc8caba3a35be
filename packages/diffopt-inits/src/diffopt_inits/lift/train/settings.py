"""Hyper-parameters of the lifting network's training. No torch: the command line reads the defaults.

A value is drawn from a range once per window; ``sd`` is a standard deviation, ``time`` (s) the lag at which a
correlation is 1/e. Shares are of windows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from diffopt_core.host.train.settings import TrainingSettings, option


@dataclass(frozen=True)
class MotionSettings:
    """Augmentation of recorded motion: frame rate, playback speed, bodies, poses.

    ``travel``: a clip is drawn ``1 + travel * v`` times as often, v: its mean horizontal speed in m/s.
    """

    fps: tuple[float, float] = (24.0, 60.0)
    slow_fps: tuple[float, float] = (5.0, 20.0)
    slow_share: float = 0.1
    tempo: float = 0.35
    travel: float = 2.0
    proportions: float = 0.2
    mixed_share: float = 0.3
    broad_share: float = 0.4
    broad_sd: float = 0.35
    tilt_share: float = 0.08
    tilt_sd: float = 0.9


@dataclass(frozen=True)
class CameraSettings:
    """Simulated cameras: shares of a following camera, one that rotates in place, and a static one."""

    follow_share: float = 0.5
    pan_share: float = 0.3
    distance: tuple[float, float] = (2.0, 8.0)
    height: tuple[float, float] = (0.2, 3.2)
    drift_sd: float = 0.25
    hand_sd: float = 0.04
    look_sd: float = 0.10
    framing_sd: float = 0.12
    roll_share: float = 0.3
    roll_sd: float = 0.3
    level_sd: float = 0.025
    focal_sd: float = 0.07
    turning_walk: float = 0.0025
    turning_white: float = 0.001
    half_width: tuple[float, float] = (0.3, 0.9)
    half_height: tuple[float, float] = (0.3, 0.9)


@dataclass(frozen=True)
class DetectorSettings:
    """A 2D detector. Lengths are shares of the body's height in the image; ``places_sd`` is in metres."""

    sd: tuple[float, float] = (0.003, 0.02)
    correlated: float = 0.5
    time: float = 0.2
    outliers: float = 0.03
    outlier_sd: float = 0.12
    hidden_sd: float = 0.07
    places_sd: float = 0.015
    no_face: float = 0.35
    no_eyes: float = 0.1
    no_feet: float = 0.4
    no_leg: float = 0.04
    no_legs: float = 0.05
    no_arm: float = 0.04
    gaps: float = 0.12
    swapped: float = 0.06
    equal_confidence: float = 0.1


@dataclass(frozen=True)
class EvidenceSettings:
    """Poses of a regressor and 3D landmarks of a detector: share of windows that have them, and their errors (rad,
    m)."""

    pose_share: float = 0.4
    pose_constant: float = 0.10
    pose_sd: float = 0.13
    pose_white: float = 0.02
    pose_time: float = 0.27
    trunk: float = 0.6
    root_constant: float = 0.05
    root_sd: float = 0.10
    failures: float = 0.15
    failure_sd: float = 0.5
    depth_constant: float = 0.06
    depth_sd: float = 0.05
    landmark_share: float = 0.3
    landmark_depth: tuple[float, float] = (0.06, 0.13)
    landmark_flat: float = 0.025
    landmark_time: float = 0.7
    short_arms: float = 0.3
    landmark_size: float = 0.06


@dataclass(frozen=True)
class LiftSettings(TrainingSettings):
    """The network, and its training data."""

    width: int = option(192, "Width of the transformer.")
    layers: int = option(6, "Layers.")
    heads: int = 4
    feedforward: int = 512
    kernel: int = 7
    frames: int = option(64, "Frames per window.")
    batch: int = option(32, "Windows per step.")
    ema: float = 0.998
    motion: MotionSettings = field(default_factory=MotionSettings)
    camera: CameraSettings = field(default_factory=CameraSettings)
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    evidence: EvidenceSettings = field(default_factory=EvidenceSettings)
