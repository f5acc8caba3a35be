"""Common form of other systems' files: people and cameras, with their conventions stated.

Arrays are numpy, float64. N frames of a track or camera, in the order of the file. Cameras are OpenCV's (x right, y
down, z forward), ``x_cam = R x_world + t``. Rotations are active matrices.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.types import Unit
from jaxtyping import Float, Int

#: y and z reversed: between axes with y down, z forward and axes with y up, z back.
Y_FLIP = np.diag([1.0, -1.0, -1.0])
#: From Z up to Y up.
Z_TO_Y = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


@dataclass(frozen=True)
class Root:
    """Root orientation and translation in one frame of reference. ``transl``, m, is the pelvis joint's position if
    ``is_pelvis``, else SMPL's ``transl`` (:mod:`diffopt_formats.pelvis` converts between them)."""

    orient: Float[np.ndarray, "N 3 3"]
    transl: Float[np.ndarray, "N 3"]
    is_pelvis: bool = False


@dataclass(frozen=True)
class Weak:
    """Weak perspective in the full image: a point X of the body model (m) projects to ``scale (X + offset)`` from the
    image centre. So SMPL's transl is (offset, focal / scale). ``normalised``: the scale is in half image widths per
    metre, else in px per metre."""

    scale: Float[np.ndarray, "N"]
    offset: Float[np.ndarray, "N 2"]
    normalised: bool = False


@dataclass(frozen=True)
class World:
    """Motion in the tool's own world, and the transform to ours: ``x_ours = axes x + shift``.

    ``betas``: the shape to which ``root``'s translation belongs, if not the track's. ``level``: our +Y is then the
    vertical as estimated by the tool. ``R``, ``t``: world (the tool's) to camera, if the tool gives them. ``carried``:
    ``root`` is in the camera frame, and R and t map it to the world. ``note``: description of this world.
    """

    root: Root
    axes: Float[np.ndarray, "3 3"]
    shift: Float[np.ndarray, "3"] = field(default_factory=lambda: np.zeros(3))
    level: bool = True
    R: Float[np.ndarray, "N 3 3"] | None = None
    t: Float[np.ndarray, "N 3"] | None = None
    carried: bool = False
    betas: Float[np.ndarray, "N 10"] | None = None
    note: str = ""


@dataclass(frozen=True)
class Track:
    """One person in a result file.

    ``frames``: source frame numbers of the track, increasing. ``total``: source frames that the tool processed, if the
    file states it. ``betas_of``: the body model of ``betas`` (``smpl``, ``smplh``, ``smplx``). Where the root is in the
    camera frame: ``camera`` (m), ``weak``, or, with neither, ``world`` and its R and t. ``boxes``: x, y, width, height,
    px. ``focal``: px, of the full image, used for ``camera``. ``size``: width, height, px. ``keypoints``: x px, y px,
    confidence in the order of ``layout``.
    """

    tool: str
    id: str
    frames: Int[np.ndarray, "N"]
    body_pose: Float[np.ndarray, "N 23 3 3"]
    betas: Float[np.ndarray, "N 10"]
    betas_of: str = "smpl"
    total: int | None = None
    fps: float | None = None
    orient: Float[np.ndarray, "N 3 3"] | None = None  # beside ``weak``
    camera: Root | None = None
    weak: Weak | None = None
    world: World | None = None
    boxes: Float[np.ndarray, "N 4"] | None = None
    focal: float | None = None
    centre: tuple[float, float] | None = None
    size: tuple[int, int] | None = None
    keypoints: Float[np.ndarray, "N J 3"] | None = None
    layout: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Cameras:
    """N cameras of a file, world to camera, in the order of the file.

    ``format``, ``direction``: the system, and the direction of its poses. ``solved``: rows with a pose (the others are
    NaN or empty in the file). ``numbers``: the file's number of each image, None if row i is image i; ``seconds``:
    times instead of numbers; ``names``: image names. ``keyframes``: only some frames were solved. ``focal``,
    ``centre``: px, N 2, of an image of ``size`` (width, height; None if the file does not state it).
    ``intrinsics_key``: their key in the file. ``unit``, ``level``: as in :class:`diffopt_core.types.CameraTrajectory`.
    ``static``: the file states that the camera does not move. ``total``: frames of the source, if the file states it.
    ``notes``: notices for the user.
    """

    path: Path
    format: str
    direction: str
    R: Float[np.ndarray, "N 3 3"]
    t: Float[np.ndarray, "N 3"]
    solved: np.ndarray
    numbers: np.ndarray | None = None
    seconds: np.ndarray | None = None
    names: tuple[str, ...] | None = None
    keyframes: bool = False
    focal: np.ndarray | None = None
    centre: np.ndarray | None = None
    size: tuple[int, int] | None = None
    intrinsics_key: str = ""
    unit: Unit = "arbitrary"
    level: bool = False
    static: bool = False
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.R)


@dataclass(frozen=True)
class Contents:
    """The content of a file: its people, and its own cameras if it has any."""

    people: tuple[Track, ...] = ()
    cameras: Cameras | None = None


def size_of(centre: tuple[float, float] | None) -> tuple[int, int] | None:
    """Width and height of the image whose centre is the principal point."""
    return None if centre is None else (round(2 * centre[0]), round(2 * centre[1]))
