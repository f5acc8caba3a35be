"""What the rooms pass to one another: frozen, typed, shapes written down.

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

#: Of a camera's path: metres; metres that are guessed; a length that means nothing (SLAM's and odometry's own).
Unit = Literal["metre", "guess", "arbitrary"]
#: Of a camera: it keeps its place and direction; it turns on the spot; its path was followed; nobody found out.
Travel = Literal["stands", "turns", "travels", "unknown"]
#: Of first poses: each frame's by a network; fitted over time to 3D landmarks; not said.
PosesFrom = Literal["regressor", "landmarks", "unknown"]


@dataclass(frozen=True)
class Observations:
    """2D evidence, and 3D landmarks where the detector gives them."""

    keypoints: Float[Tensor, "*b J 3"]
    """x px, y px, confidence in [0, 1] (0: absent), in the order of ``layout``"""
    layout: str
    """a name of :data:`diffopt_core.data.skeleton.LAYOUTS`"""
    valid: Bool[Tensor, "*b"]
    """frames in which the person was found"""
    landmarks: Float[Tensor, "*b L 4"] | None = None
    """x, y, z in metres about the mid-hip, camera axes (x right, y down, z forward); visibility"""
    landmark_layout: str | None = None
    """order of the landmarks, as ``layout``"""
    masks: Bool[Tensor, "*b h w"] | None = None
    """pixels of people in the whole image made smaller (longest side about 160): camera sources must not track them"""
    facts: dict[str, Any] = field(default_factory=dict)
    """where it came from, for people: plain data, written into ``run.json``"""


@dataclass(frozen=True)
class CameraTrajectory:
    """Cameras of a clip: ``x_cam = R x_world + t``, camera axes x right, y down, z forward."""

    R: Float[Tensor, "*b 3 3"]
    """rotation, world to camera"""
    t: Float[Tensor, "*b 3"]
    """translation, world to camera, in ``unit``; the camera's own place is ``-R^T t`` (``position``)"""
    focal: Float[Tensor, "*b 2"]
    """focal length across and down, px"""
    centre: Float[Tensor, "*b 2"]
    """principal point x, y, px; (0, 0) is the upper left corner of the image"""
    unit: Unit = "guess"
    """of t: ``metre``, ``guess`` (metres, roughly) or ``arbitrary`` (a length that means nothing)"""
    level: bool = False
    """whether the world has its vertical along +Y (a SLAM world does not)"""
    travel: Travel = "unknown"
    """whether the camera ``stands``, ``turns`` on the spot or ``travels``; ``unknown``: nobody found out"""
    filled: Bool[Tensor, "*b"] | None = None
    """frames that were not solved but filled in; None: none"""
    trusted: bool = True
    """False where the evidence bore no camera out and this one is a way out"""
    facts: dict[str, Any] = field(default_factory=dict)
    """how it was found, and where the focal length is from (``focal_from``), for people: plain data"""

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
    """What an initializer says beyond a body a frame, and how sure it is of all of it. Variances are of one axis.

    ``up``: unit vector in the camera frame, its variance in rad^2. ``velocity``: of the pelvis, m/s, to the left, up
    and forward of the body's heading (:func:`diffopt_core.data.geometry.heading`). ``contact``: chance that each of
    :data:`diffopt_core.data.skeleton.FEET` stands. ``pose_var``: of the root's orientation and 23 joints, rad^2;
    ``depth_var``: of the log of the pelvis' depth.
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
        """Of the velocity where the heading has to be taken from the root: unsure in direction as far as that is, and
        unsure altogether while no foot stands: keypoints then do not show how fast a person moves over ground."""
        stands = self.contact.amax(-1, keepdim=True).clamp_min(1e-3)
        return (self.velocity_var + self.pose_var[..., :1] * self.velocity.square().flip(-1)) / stands


@dataclass(frozen=True)
class CameraFrameBody:
    """An initializer's estimate of each frame, in the camera's frame: x right, y down, z forward."""

    global_orient: Float[Tensor, "T 3 3"]
    """orientation of the root: rest pose (Y up, face to +Z) to camera"""
    body_pose: Float[Tensor, "T 23 3 3"]
    """rotation of each joint against its parent, SMPL order without the root"""
    transl: Float[Tensor, "T 3"]
    """the pelvis joint in the camera's frame, m"""
    betas: Float[Tensor, "10"]
    """shape, one for the clip; zeros: the mean shape"""
    betas_of: str = "smpl"
    """body model that the shape belongs to; poses are shared between bodies, shapes are not"""
    poses_from: PosesFrom = "unknown"
    """``regressor``, ``landmarks`` or ``unknown``: the kind of error, by which a recipe is chosen"""
    facts: dict[str, Any] = field(default_factory=dict)
    """where it came from, for people: plain data, written into ``run.json``"""
    evidence: MotionEvidence | None = None
    """what else it says (vertical, velocity, contacts), and how sure it is of all"""


@dataclass(frozen=True)
class HumanMotion:
    """Motion in the world: metres, Y up."""

    pose: Float[Tensor, "*b 24 3 3"]
    """rotations, SMPL order: joint 0 is the root in the world, each other against its parent"""
    trans: Float[Tensor, "*b 3"]
    """the pelvis joint in the world, m"""
    betas: Float[Tensor, "*n 10"]
    """shape, one a clip"""
    betas_of: str = "smpl"
    """body model that the shape belongs to"""


@dataclass(frozen=True)
class Truth:
    """What a clip is scored against: joints ``index`` of ``layout`` in a metric world, Y up.

    ``good``: frames that count (None: all); the others are left out of every score. ``boxes``: the person in the
    image, x0 y0 x1 y1 px, nan where there is none. ``body``: the MeshBody that poses ``motion`` where its shape
    belongs to another body than the solver's (a gendered SMPL); its vertices are scored if both meshes have the same
    faces.
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

    ``path``: a video file or a folder of images. ``frames``: number in the source of each frame of the clip,
    never decreasing (a number comes twice where a frame was shown twice as long). ``size``: width, height, px, as
    shown, after ``rotation`` (degrees clockwise: 0, 90, 180, 270). ``length``: frames of the whole source;
    ``missing``: those of a folder that have no image.
    """

    path: Path
    frames: tuple[int, ...]
    size: tuple[int, int]
    rotation: int = 0
    length: int | None = None
    missing: tuple[int, ...] = ()


@dataclass(frozen=True)
class Clip:
    """One clip and whatever evidence its file already holds, all with leading dimension ``T``, its frames."""

    name: str
    """of the clip: its result goes to ``runs/NAME``"""
    path: Path | None
    """the file or folder that it was read from"""
    fps: float
    """frames a second of the world, which is not the file's rate in slow motion"""
    size: tuple[int, int]
    """width and height of the images, px"""
    num_frames: int
    """``T``"""
    observations: Observations | None = None
    """keypoints of the file"""
    body: CameraFrameBody | None = None
    """first poses of the file"""
    camera: CameraTrajectory | None = None
    """cameras of the file"""
    rest_joints: Float[Tensor, "24 3"] | None = None
    """the person's skeleton where it is known: T-pose relative to the pelvis, m"""
    truth: Truth | None = None
    """what it is scored against; never seen by a solve"""
    sha256: str | None = None
    """of the file"""
    video: Video | None = None
    """where its images are; None: it has none"""
    focal: float | None = None
    """focal length in px, from the user (``--focal``) or the file's metadata; None where neither says"""
    focal_from: str = ""
    """which of them said it"""
    person: str = "largest"
    """who is wanted where there are several: ``largest``, ``longest``, or a track's id"""
    sequence: str = ""
    """the recording that it was cut from, where a dataset cuts: clips of one are not independent"""
    doubts: tuple[str, ...] = ()
    """what makes its evidence unlikely, in words; where there are any the result is not called trusted"""
    facts: dict[str, Any] = field(default_factory=dict)
    """where frame rate, frames and the rest are from, for people: plain data"""

    @property
    def parts(self) -> dict[str, Observations | CameraTrajectory | CameraFrameBody]:
        """The evidence that there is, by the kind of component that makes it."""
        every = {"detector": self.observations, "camera": self.camera, "initializer": self.body}
        return {kind: part for kind, part in every.items() if part is not None}


@dataclass(frozen=True)
class Scene:
    """What a term sees at one step. A field that no bound term ``needs`` is None.

    ``joints``: 24 joints, world, m. ``keypoints``: 3D points in the observations' layout, world, m.
    ``pixels``: their projection, px; ``depth``: their z in the camera frame, m. ``progress``: share of the stage
    that is done, in [0, 1], a scalar tensor on the device.
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
    RUNNING = "running"  # not yet: what a viewer is shown on the way


@dataclass(frozen=True)
class Spread:
    """How far off a result may be: radii within which the truth lies in 90 of 100 cases, m (``solver/draws.py``).

    ``root``: the pelvis, after one rigid alignment of the clip. ``joints``: each joint about the pelvis.
    ``draws``: solves behind it.
    """

    draws: int
    root: Float[Tensor, "T"]
    joints: Float[Tensor, "T 24"]


@dataclass(frozen=True)
class Result:
    """What a run hands over for one clip (leading dimension ``T``): world metres, Y up, floor at y = 0."""

    clip: Clip
    """the clip with all evidence that was used"""
    motion: HumanMotion
    """the recovered motion"""
    camera: CameraTrajectory
    """the corrected cameras, in metres"""
    joints: Float[Tensor, "T 24 3"]
    """SMPL joints of the motion in the world, m"""
    initial: HumanMotion
    """the placed first motion, from which the solve began"""
    initial_camera: CameraTrajectory
    """the cameras before correction, in the same world"""
    initial_joints: Float[Tensor, "T 24 3"]
    """joints of the first motion, m"""
    status: Status
    """``finished``, ``doubtful``, ``diverged`` or ``interrupted``"""
    recipe: dict[str, Any]
    """the recipe as resolved"""
    log: dict[str, dict[str, list[float]]]
    """stage -> term -> values by step"""
    provenance: dict[str, Any]
    """versions, seed, device, seconds a stage, where focal length and frame rate came from, licences of weights"""
    body_model: str
    """the body whose joints these are"""
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    """protocol -> ``initial`` and ``final``, where there is truth"""
    spread: Spread | None = None
    """how far off it may be, where it was solved several times (``--draws``)"""

    def __repr__(self) -> str:
        """One line: the tensors behind it are long."""
        return f"Result({self.clip.name!r}, {self.clip.num_frames} frames at {self.clip.fps:g} fps, {self.status})"

    def _repr_html_(self) -> str | None:
        """What a notebook shows: the page that the installed ``diffopt.display`` makes (``diffopt-lab``'s); its
        name is looked up, since types know nothing of reports. None, and the plain text is shown, without one."""
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
    """An array of numbers as a tensor of its own layout: float32, contiguous."""
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))


def map_tensors(value: Any, fn: Any) -> Any:
    """Copy of a dataclass of this module with ``fn`` applied to every tensor in it, nested ones too."""
    if isinstance(value, Tensor):
        return fn(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {f.name: map_tensors(getattr(value, f.name), fn) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **changes)
    return value
