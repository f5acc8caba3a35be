"""Data that passes between the steps: frozen, typed dataclasses with shapes.

World: metres, right-handed, Y up, floor at y = 0. Camera: OpenCV axes (x right, y down, z forward), pixels,
``x_cam = R x_world + t``. Rotations are matrices in memory, axis-angle on disk. Tensors of the solver start
with ``B T`` (clips solved together, frames); those of one clip with ``T``; ``*b`` stands for either.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

#: Unit of a camera's path: metres; estimated metres; an arbitrary unit (as of SLAM and odometry).
Unit = Literal["metre", "guess", "arbitrary"]
#: Camera motion: static; rotation only; moving, with an estimated path; not determined.
Travel = Literal["stands", "turns", "travels", "unknown"]
#: Origin of the initial poses: regressed per frame by a network; fitted over time to 3D landmarks; not stated.
PosesFrom = Literal["regressor", "landmarks", "unknown"]


@dataclass(frozen=True)
class Observations:
    """2D keypoints, and 3D landmarks if the detector gives them."""

    keypoints: Float[Tensor, "*b J 3"]
    """x px, y px, confidence in [0, 1] (0: absent), in the order of ``layout``"""
    layout: str
    """a name of :data:`diffopt_core.data.skeleton.LAYOUTS`"""
    valid: Bool[Tensor, "*b"]
    """frames in which the person was found"""
    landmarks: Float[Tensor, "*b L 4"] | None = None
    """x, y, z in metres relative to the mid-hip, camera axes (x right, y down, z forward); visibility"""
    landmark_layout: str | None = None
    """layout of the landmarks, as ``layout``"""
    masks: Bool[Tensor, "*b h w"] | None = None
    """pixels of people in the reduced image (longest side about 160), which camera sources must not track"""
    facts: dict[str, Any] = field(default_factory=dict)
    """where it came from, for people: plain data, written into ``run.json``"""


@dataclass(frozen=True)
class CameraTrajectory:
    """Cameras of a clip: ``x_cam = R x_world + t``, camera axes x right, y down, z forward."""

    R: Float[Tensor, "*b 3 3"]
    """rotation, world to camera"""
    t: Float[Tensor, "*b 3"]
    """translation, world to camera, in ``unit``; the camera centre is ``-R^T t`` (``position``)"""
    focal: Float[Tensor, "*b 2"]
    """focal length in x and y, px"""
    centre: Float[Tensor, "*b 2"]
    """principal point x, y, px; (0, 0) is the upper left corner of the image"""
    unit: Unit = "guess"
    """unit of t: ``metre``, ``guess`` (approximate metres) or ``arbitrary`` (unknown scale)"""
    level: bool = False
    """whether the world's vertical is +Y (not so for a SLAM world)"""
    travel: Travel = "unknown"
    """camera motion: ``stands`` (static), ``turns`` (rotates only), ``travels`` (moves) or ``unknown``"""
    filled: Bool[Tensor, "*b"] | None = None
    """frames that were interpolated instead of estimated; None: none"""
    trusted: bool = True
    """False if no camera model fitted and this one is a fallback"""
    up: Float[Tensor, "*b 3"] | None = None
    """unit vector of the vertical in each camera's frame, from straight lines in the images; None: not known"""
    up_var: Float[Tensor, "*b"] | None = None
    """its variance, rad^2; that of one frame, because errors of all frames are the same"""
    held: bool = False
    """whether the camera was solved already, and its world is kept: the floor too, which others may stand on"""
    facts: dict[str, Any] = field(default_factory=dict)
    """provenance for the user, with the source of the focal length (``focal_from``): plain data"""

    @property
    def metric(self) -> bool:
        """Whether t is in metres."""
        return self.unit == "metre"

    @property
    def position(self) -> Float[Tensor, "*b 3"]:
        """Camera centres in the world, ``C = -R^T t``."""
        return -(self.R.mT @ self.t.unsqueeze(-1)).squeeze(-1)


@dataclass(frozen=True)
class MotionEvidence:
    """Further estimates of an initializer, beyond one body per frame, with their variances (per axis).

    ``up``: unit vector in the camera frame, its variance in rad^2. ``velocity``: of the pelvis, m/s, to the left, up
    and forward of the body's heading (:func:`diffopt_core.data.geometry.heading`). ``contact``: probability that each
    of :data:`diffopt_core.data.skeleton.FEET` is in contact with the ground. ``pose_var``: of the root's orientation
    and 23 joints, rad^2; ``depth_var``: of the log of the pelvis' depth.
    """

    up: Float[Tensor, "*b 3"]
    up_var: Float[Tensor, "*b"]
    velocity: Float[Tensor, "*b 3"]
    velocity_var: Float[Tensor, "*b 3"]
    contact: Float[Tensor, "*b 4"]
    pose_var: Float[Tensor, "*b 24"]
    depth_var: Float[Tensor, "*b"]

    @property
    def world_velocity_var(self) -> Float[Tensor, "*b 3"]:
        """Variance of the velocity in the world. The heading is that of the root, so its variance is added to the
        direction. Without a foot in contact the variance is large, because keypoints then do not determine the
        speed."""
        stands = self.contact.amax(-1, keepdim=True).clamp_min(1e-3)
        return (self.velocity_var + self.pose_var[..., :1] * self.velocity.square().flip(-1)) / stands


@dataclass(frozen=True)
class CameraFrameBody:
    """An initializer's estimate of each frame, in the camera frame: x right, y down, z forward."""

    global_orient: Float[Tensor, "T 3 3"]
    """root orientation: from the rest pose (Y up, facing +Z) to the camera frame"""
    body_pose: Float[Tensor, "T 23 3 3"]
    """rotation of each joint relative to its parent, SMPL order without the root"""
    transl: Float[Tensor, "T 3"]
    """the pelvis joint in the camera frame, m"""
    betas: Float[Tensor, "10"]
    """shape coefficients, one set per clip; zeros: the mean shape"""
    betas_of: str = "smpl"
    """body model of the betas; poses are shared between body models, betas are not"""
    poses_from: PosesFrom = "unknown"
    """``regressor``, ``landmarks`` or ``unknown``: how the poses were estimated; the recipe is chosen by it"""
    facts: dict[str, Any] = field(default_factory=dict)
    """where it came from, for people: plain data, written into ``run.json``"""
    evidence: MotionEvidence | None = None
    """further estimates (vertical, velocity, contacts) with variances"""


@dataclass(frozen=True)
class HumanMotion:
    """Motion in the world: metres, Y up."""

    pose: Float[Tensor, "*b 24 3 3"]
    """rotations, SMPL order: joint 0 is the root in the world, the others are relative to their parents"""
    trans: Float[Tensor, "*b 3"]
    """the pelvis joint in the world, m"""
    betas: Float[Tensor, "*n 10"]
    """shape, one per clip"""
    betas_of: str = "smpl"
    """body model that the shape belongs to"""


@dataclass(frozen=True)
class Truth:
    """Ground truth of a clip: joints ``index`` of ``layout`` in a metric world, Y up.

    ``good``: frames that are scored (None: all). ``boxes``: bounding box of the person, x0 y0 x1 y1 px, nan if there is
    none. ``body``: the MeshBody that poses ``motion`` if its betas belong to another body model than the solver's (a
    gendered SMPL); vertices are scored if both meshes have the same faces.
    """

    joints: Float[Tensor, "T J 3"]
    layout: str = "smpl24"
    index: tuple[int, ...] | None = None
    motion: HumanMotion | None = None
    camera: CameraTrajectory | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    good: Bool[Tensor, "T"] | None = None
    boxes: Float[Tensor, "T 4"] | None = None
    body: Any = None


@dataclass(frozen=True)
class Video:
    """Where the images of a clip are: ``diffopt_core.perception.video.read_frames`` decodes them.

    ``path``: a video file or a folder of images. ``frames``: source frame number of each frame of the clip, never
    decreasing (repeated if the source frame was shown longer). ``size``: width, height, px, after ``rotation`` (degrees
    clockwise: 0, 90, 180, 270). ``length``: number of frames of the source; ``missing``: frame numbers of a folder
    without an image. ``first``: where the clip begins, in the numbers of ``--frames``; ``shot``: which shot it is, from
    1, if the video has several (0: it has one).
    """

    path: Path
    frames: tuple[int, ...]
    size: tuple[int, int]
    rotation: int = 0
    length: int | None = None
    missing: tuple[int, ...] = ()
    first: int = 0
    shot: int = 0


@dataclass(frozen=True)
class Clip:
    """One clip and the evidence that its file already holds, with leading dimension ``T`` (frames)."""

    name: str
    """name of the clip; its result goes to ``runs/NAME``"""
    path: Path | None
    """the file or folder that it was read from"""
    fps: float
    """frames per second in real time (not the file's rate, for slow motion)"""
    size: tuple[int, int]
    """width and height of the images, px"""
    num_frames: int
    """``T``"""
    observations: Observations | None = None
    """keypoints of the file"""
    body: CameraFrameBody | None = None
    """initial poses of the file"""
    camera: CameraTrajectory | None = None
    """cameras of the file"""
    rest_joints: Float[Tensor, "24 3"] | None = None
    """the person's skeleton, if known: T-pose relative to the pelvis, m"""
    truth: Truth | None = None
    """ground truth, used only for scoring"""
    sha256: str | None = None
    """of the file"""
    video: Video | None = None
    """its images; None: it has none"""
    focal: float | None = None
    """focal length in px, from the user (``--focal``) or the file's metadata; None if unknown"""
    focal_from: str = ""
    """source of the focal length"""
    person: str = "largest"
    """which person to take if there are several: ``largest``, ``longest``, or a track's id"""
    sequence: str = ""
    """the recording that it was cut from (clips of one recording are not independent)"""
    doubts: tuple[str, ...] = ()
    """reasons why its evidence is implausible, as text; if there are any, the result is marked as not trusted"""
    facts: dict[str, Any] = field(default_factory=dict)
    """provenance of frame rate, frames and others, for the user: plain data"""

    @property
    def parts(self) -> dict[str, Observations | CameraTrajectory | CameraFrameBody]:
        """The evidence that the clip holds, by the kind of component that produces it."""
        every = {"detector": self.observations, "camera": self.camera, "initializer": self.body}
        return {kind: part for kind, part in every.items() if part is not None}


@dataclass(frozen=True)
class Scene:
    """Input of a term at one step. A field that no bound term ``needs`` is None.

    ``joints``: 24 joints, world, m. ``keypoints``: 3D points in the observations' layout, world, m. ``pixels``: their
    projection, px; ``depth``: their z in the camera frame, m. ``progress``: completed share of the stage in [0, 1], a
    scalar tensor on the device.
    """

    motion: HumanMotion
    camera: CameraTrajectory
    progress: Float[Tensor, ""]
    residual: dict[str, Tensor]
    joints: Float[Tensor, "B T 24 3"] | None = None
    keypoints: Float[Tensor, "B T J 3"] | None = None
    pixels: Float[Tensor, "B T J 2"] | None = None
    depth: Float[Tensor, "B T J"] | None = None


class Status(StrEnum):
    """How a run ended."""

    FINISHED = "finished"
    DOUBTFUL = (
        "doubtful"  # finished, but it does not fit the keypoints (:func:`diffopt_core.parts.metrics.quality.misfit`)
    )
    DIVERGED = "diverged"
    INTERRUPTED = "interrupted"
    RUNNING = "running"  # not finished: what a viewer gets during the solve


@dataclass(frozen=True)
class Spread:
    """Uncertainty of a result: radii within which the truth lies in 90 of 100 cases, m (``solver/ensemble.py``).

    ``root``: the pelvis, after one rigid alignment of the clip. ``joints``: each joint about the pelvis. ``draws``:
    number of solves it was estimated from.
    """

    draws: int
    root: Float[Tensor, "T"]
    joints: Float[Tensor, "T 24"]


@dataclass(frozen=True)
class Result:
    """The result of a run for one clip (leading dimension ``T``): world metres, Y up, floor at y = 0."""

    clip: Clip
    """the clip with all evidence that was used"""
    motion: HumanMotion
    """the recovered motion"""
    camera: CameraTrajectory
    """the corrected cameras, in metres"""
    joints: Float[Tensor, "T 24 3"]
    """SMPL joints of the motion in the world, m"""
    initial: HumanMotion
    """the placed initial motion, at which the solve started"""
    initial_camera: CameraTrajectory
    """the cameras before correction, in the same world"""
    initial_joints: Float[Tensor, "T 24 3"]
    """joints of the initial motion, m"""
    status: Status
    """``finished``, ``doubtful``, ``diverged`` or ``interrupted``"""
    recipe: dict[str, Any]
    """the resolved recipe"""
    log: dict[str, dict[str, list[float]]]
    """stage -> term -> values by step"""
    provenance: dict[str, Any]
    """versions, seed, device, seconds per stage, sources of focal length and frame rate, licences of weights"""
    body_model: str
    """the body model of the joints"""
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    """protocol -> ``initial`` and ``final``, if there is truth"""
    spread: Spread | None = None
    """uncertainty, if it was solved several times (``--draws``)"""

    @property
    def untrusted(self) -> tuple[str, ...]:
        """What of a finished result is not trusted, as text: doubts of its evidence, and of its camera's path."""
        camera = self.clip.camera
        if camera is None or camera.trusted:
            return self.clip.doubts
        told = camera.facts.get("not_trusted", ())
        # what is doubtful of the evidence is written of its camera, too
        why = [str(each) for each in told if each not in self.clip.doubts] if isinstance(told, list | tuple) else []
        if not why and self.clip.doubts:
            return self.clip.doubts
        return *self.clip.doubts, f"the camera: {'; '.join(why) or 'its path'}"

    @property
    def reason(self) -> str:
        """Why it is doubtful or diverged, or what of a finished result is not trusted; empty if nothing is known."""
        if self.status == Status.FINISHED:
            return f"not trusted: {'; '.join(self.untrusted)}" if self.untrusted else ""
        return str(self.provenance.get("doubt") or self.provenance.get("not_finite", ""))

    def __repr__(self) -> str:
        """One line; the tensors are too long to print."""
        return f"Result({self.clip.name!r}, {self.clip.num_frames} frames at {self.clip.fps:g} fps, {self.status})"

    def _repr_html_(self) -> str | None:
        """HTML for a notebook: the page of the installed ``diffopt.display`` entry point (``diffopt-lab``), looked up
        by name because this module must not import reports. None if there is none; the notebook then shows the plain
        text."""
        found = entry_points(group="diffopt.display", name="result")
        return next(iter(found)).load()(self) if found else None


def copy_tensors(into: Any, value: Any) -> None:
    """Write every tensor of ``value``, a dataclass of this module, into its counterpart of ``into``, in place."""
    if isinstance(value, Tensor):
        into.copy_(value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            copy_tensors(getattr(into, field.name), getattr(value, field.name))


def as_float(array: np.ndarray) -> Tensor:
    """An array of numbers as a float32 tensor with contiguous memory."""
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))


def map_tensors(value: Any, fn: Any) -> Any:
    """Copy of a dataclass of this module with ``fn`` applied to every tensor in it, nested ones too."""
    if isinstance(value, Tensor):
        return fn(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {f.name: map_tensors(getattr(value, f.name), fn) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **changes)
    return value
