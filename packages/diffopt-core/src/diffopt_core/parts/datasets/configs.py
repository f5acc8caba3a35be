"""Settings of the datasets. No torch here."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from ...config import ComponentConfig


class AmassConfig(ComponentConfig):
    """Which clip of the file, its frame rate, and metadata that the file lacks."""

    builds: ClassVar[str] = "diffopt_core.parts.datasets.motion_file:MotionDataset"

    clip: str = Field(default="", description="name or index of a clip in a shard; also as FILE#clip")
    fps: float | None = Field(default=30.0, gt=0, description="resample to this rate; null keeps the file's own")
    source_fps: float | None = Field(default=None, gt=0, description="frame rate of a file that holds none")
    up: Literal["auto", "y", "z"] = Field(default="auto", description="auto: z for AMASS, y for the others")
    rest_pelvis: tuple[float, float, float] = Field(default=(0.0, -0.22, 0.03), description="AMASS, m: pelvis - trans")
    skeleton: Path | None = Field(default=None, description="skeleton.json; by default beside the shard")


class CaseConfig(ComponentConfig):
    """``truth``: truth file; by default ``truth/<same name>`` beside the case, if it exists."""

    builds: ClassVar[str] = "diffopt_core.parts.datasets.case_file:CaseDataset"

    truth: Path | None = None


class _Settings(BaseModel):
    """The noise model. A ``sd`` is a standard deviation per axis; a ``time`` is the lag at which the correlation is
    1/e. ``docs/formats.md`` describes the error model; values marked "measured" were estimated on earlier simulated
    cases. Change them to model another detector, regressor or SLAM (``--dataset simulated --set
    dataset.settings.keypoints.sd=…``); tests use them to turn the noise off.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


class CameraSettings(_Settings):
    """A hand-held camera whose operator walks along with the person."""

    static: bool = Field(default=False, description="the operator stands still and turns; the hand noise remains")
    distance: tuple[float, float] = Field(default=(3.0, 5.0), description="m, horizontal, drawn once")
    height: tuple[float, float] = Field(default=(1.2, 1.7), description="m above the floor, drawn once")  # measured
    follow: float = Field(default=0.6, ge=0, description="s, Gaussian smoothing of the root")  # measured
    azimuth_rate: float = Field(default=0.12, ge=0, description="rad/s, sd, around the person")  # measured
    hand_sd: float = Field(default=0.03, ge=0, description="m, Ornstein-Uhlenbeck")
    hand_time: float = Field(default=0.5, gt=0, description="s")
    look_sd: float = Field(default=0.10, ge=0, description="m, error of the point aimed at")
    look_time: float = Field(default=0.5, gt=0, description="s")
    roll_sd: float = Field(default=0.02, ge=0, description="rad")
    roll_time: float = Field(default=0.8, gt=0, description="s")  # measured
    focal: float = Field(default=1200.0, gt=0, description="px")
    focal_spread: float = Field(default=0.25, ge=0, description="focal x exp(U(-s, s)), drawn once")
    size: tuple[int, int] = Field(default=(1080, 1920), description="px, width and height")


class KeypointSettings(_Settings):
    """A 2D detector. Lengths are shares of the body height as it appears in the image."""

    layout: str = "coco17"
    face: bool = Field(default=False, description="detect the face points; else their confidence is 0")  # measured
    sd: tuple[float, float] = Field(default=(0.006, 0.016), description="drawn for each keypoint")
    correlated: float = Field(default=0.5, ge=0, le=1, description="share of the variance that is correlated in time")
    time: float = Field(default=6.0, gt=0, description="frames")
    outliers: float = Field(default=0.03, ge=0, le=1, description="probability")
    outlier_sd: float = Field(default=0.12, ge=0)
    occlusions: tuple[int, int] = Field(default=(1, 3), description="how many, inclusive")
    occluded_points: tuple[int, int] = Field(default=(2, 5), description="of each, inclusive")
    occluded_frames: tuple[int, int] = Field(default=(6, 20), description="of each, inclusive")
    occluded_sd: float = Field(default=0.07, ge=0, description="additional error")  # measured
    occluded_confidence: float = Field(default=0.05, ge=0, le=1)


class RegressorSettings(_Settings):
    """A camera-frame pose regressor: constant + correlated + white error."""

    pose_constant: float = Field(default=0.10, ge=0, description="rad")
    pose_sd: float = Field(default=0.13, ge=0, description="rad")
    pose_time: float = Field(default=8.0, gt=0, description="frames")
    pose_white: float = Field(default=0.02, ge=0, description="rad")
    trunk: float = Field(default=0.6, ge=0, description="factor for spine, neck and collars")
    root_constant: float = Field(default=0.05, ge=0, description="rad")
    root_sd: float = Field(default=0.10, ge=0, description="rad")
    root_time: float = Field(default=10.0, gt=0, description="frames")  # measured
    depth_constant: float = Field(default=0.06, ge=0, description="share of the depth")
    depth_sd: float = Field(default=0.05, ge=0, description="share of the depth")
    depth_time: float = Field(default=10.0, gt=0, description="frames")  # measured
    depth_white: float = Field(default=0.006, ge=0, description="share of the depth")  # measured
    ray_sd: float = Field(default=0.003, ge=0, description="white, of x/z and y/z")  # measured
    betas_sd: float = Field(default=0.0, ge=0, description="constant error of each beta")


class SlamSettings(_Settings):
    """A monocular SLAM system: drift, unknown scale, world frame of the first camera."""

    rotation_walk: float = Field(default=0.0025, ge=0, description="rad per frame")
    rotation_white: float = Field(default=0.001, ge=0, description="rad")  # measured
    position_walk: float = Field(default=0.06, ge=0, description="share of the mean step")
    position_white: float = Field(default=0.03, ge=0, description="share of the mean step")
    scale: tuple[float, float] = Field(default=(0.3, 3.0), description="log-uniform, drawn once; (1, 1): in metres")
    focal_sd: float = Field(default=0.04, ge=0, description="focal x exp(N(0, sd)), drawn once")


class SimulatorSettings(_Settings):
    """All settings of :func:`diffopt_core.parts.datasets.simulator.simulate.simulate` except motion and seed."""

    detector: Literal["keypoints", "full", "heavy"] = Field(
        default="keypoints",
        description="keypoints: as `keypoints` says; full, heavy: BlazePose's 2D and 3D points, with measured errors",
    )
    camera: CameraSettings = CameraSettings()
    keypoints: KeypointSettings = KeypointSettings()
    regressor: RegressorSettings = RegressorSettings()
    slam: SlamSettings = SlamSettings()


class SimulatedConfig(ComponentConfig):
    """``seed`` None takes the run's. Never chosen by ``auto``; name it: ``--dataset simulated``."""

    builds: ClassVar[str] = "diffopt_core.parts.datasets.simulator.folder:SimulatedDataset"

    seed: int | None = Field(default=None, ge=0)
    start: int = Field(default=0, ge=0, description="first frame of the motion")
    frames: int | None = Field(default=None, ge=3, description="how many frames; null takes all")
    motion: AmassConfig = AmassConfig()
    settings: SimulatorSettings = SimulatorSettings()


class VideoConfig(ComponentConfig):
    """``truth``: truth file; by default ``truth/<stem>.npz`` beside the video, if it exists."""

    builds: ClassVar[str] = "diffopt_core.parts.datasets.video_file:VideoDataset"

    truth: Path | None = None
    image_fps: float | None = Field(default=None, gt=0, description="frame rate of a folder of images (or --fps)")
