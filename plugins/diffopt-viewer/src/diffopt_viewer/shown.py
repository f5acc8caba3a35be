"""A result and its ground truth as the arrays and colours to draw, computed once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from diffopt_core.data.geometry import forward_kinematics
from diffopt_core.data.rotation import matrix_to_quaternion
from diffopt_core.data.skeleton import PARENTS
from diffopt_core.results.saved import (
    Figure,
    Surface,
    body_surface,
    check_finite,
    drawn_surface,
    figure_of,
    named_joints,
)
from diffopt_core.types import CameraTrajectory, Result, Truth, Video
from torch import Tensor

from .seen import Seen, seen_of

RGB = tuple[int, int, int]

# Okabe and Ito's palette, distinguishable under the common colour vision deficiencies: one colour per result.
RESULTS: tuple[RGB, ...] = (
    (0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0), (86, 180, 233),
)  # fmt: skip
KEYPOINT: RGB = (240, 228, 66)


@dataclass(frozen=True)
class Room:
    """Colours of the theme. ``paper``: background of a canvas without an image; ``ink``: text."""

    truth: RGB
    cell: RGB
    section: RGB
    ground: RGB
    ground_opacity: float
    paper: RGB
    ink: RGB


LIGHT = Room((38, 38, 38), (222, 222, 220), (190, 190, 188), (246, 246, 244), 0.9, (246, 246, 244), (40, 40, 40))
DARK = Room((235, 235, 235), (52, 54, 58), (78, 80, 86), (32, 33, 36), 0.9, (32, 33, 36), (225, 225, 225))


def room(dark: bool) -> Room:
    return DARK if dark else LIGHT


def of_result(number: int) -> RGB:
    return RESULTS[number % len(RESULTS)]


def paler(colour: RGB) -> RGB:
    """The colour of a result's initial motion."""
    red, green, blue = (round(c + (205 - c) * 0.45) for c in colour)
    return red, green, blue


def css(colour: RGB) -> str:
    return f"#{colour[0]:02x}{colour[1]:02x}{colour[2]:02x}"


@dataclass(frozen=True)
class TrueMotion:
    """Ground truth in its own world, m: ``joints`` (T, 24, 3), nan if missing; ``cameras`` (T, 3) positions."""

    joints: np.ndarray
    cameras: np.ndarray | None

    @property
    def bones(self) -> np.ndarray:
        """(N, 2) child and parent of the available bones; a missing joint is skipped."""
        has = np.isfinite(self.joints).all(-1).any(0)
        pairs = []
        for child in range(len(PARENTS)):
            parent = PARENTS[child]
            while parent >= 0 and not has[parent]:
                parent = PARENTS[parent]
            if has[child] and parent >= 0:
                pairs.append((child, parent))
        return np.array(pairs, int).reshape(-1, 2)

    @property
    def on_ground(self) -> np.ndarray:
        """(T, 3) the pelvis (else the mid-hip) projected to the ground, nan if neither is available."""
        root = self.joints[:, 0]
        hips = self.joints[:, 1:3].mean(1)
        return np.where(np.isfinite(root), root, hips) * (1.0, 0.0, 1.0) + (0.0, 0.012, 0.0)


def true_of(truth: Truth, frames: int) -> TrueMotion | None:
    """The ground truth; None if it has no joint with an SMPL name, or another number of frames."""
    joints = named_joints(truth).float().numpy()
    if len(joints) != frames:
        return None
    if truth.good is not None:
        joints[~truth.good.cpu().numpy()] = np.nan
    camera = truth.camera
    found = TrueMotion(joints, None if camera is None else camera.position.detach().cpu().float().numpy())
    return found if len(found.bones) else None


#: Child and parent of every bone.
BONES = np.array([(child, parent) for child, parent in enumerate(PARENTS) if parent >= 0])


@dataclass(frozen=True)
class Cameras:
    """``wxyz`` (T, 4) camera to world, ``position`` (T, 3) m; ``focal`` and ``centre`` (T, 2) px, of images of ``size``
    (width, height)."""

    wxyz: np.ndarray
    position: np.ndarray
    focal: np.ndarray
    centre: np.ndarray
    size: tuple[int, int]

    def field_of_view(self, frame: int) -> tuple[float, float]:
        """Vertical angle (radians) and width over height of the frustum; pixels may be non-square."""
        across, up = np.array(self.size) / self.focal[frame]
        return float(2 * np.arctan(up / 2)), float(across / up)


@dataclass(frozen=True)
class Shown:
    """World metres. ``turns`` (T, 24, 4): wxyz of each joint in the world; ``joints`` (T, 24, 3); ``initial`` (T, 24,
    3): the initial motion if it differs. ``rest`` (24, 3): joint positions in ``surface``."""

    label: str
    clip: str
    colour: RGB
    fps: float
    surface: Surface
    rest: np.ndarray
    turns: np.ndarray
    joints: np.ndarray
    initial: np.ndarray | None
    cameras: Cameras | None
    seen: Seen | None
    truth: TrueMotion | None
    video: Video | None
    status: str
    held: bool  # in the world of another result, beside whose person this one is

    @property
    def frames(self) -> int:
        return len(self.joints)

    @property
    def seconds(self) -> float:
        return self.frames / self.fps

    def frame_at(self, time: float) -> int:
        """Frame at ``time`` seconds into the clip; the last one after its end."""
        return int(np.clip(np.floor(time * self.fps + 1e-6), 0, self.frames - 1))

    @property
    def skin(self) -> np.ndarray:
        """(V, 24) skinning weights of the four strongest joints of each vertex (the browser's limit); they sum to
        one."""
        index, weights, _ = self.surface.strongest(4)
        skin = np.zeros((len(index), 24), np.float32)
        np.add.at(skin, (np.arange(len(index))[:, None], index), weights)
        return skin

    @property
    def on_ground(self) -> np.ndarray:
        """(T, 3) the pelvis projected to 1 cm above the ground."""
        return self.joints[:, 0] * (1.0, 0.0, 1.0) + (0.0, 0.01, 0.0)


def shown_of(result: Result, label: str, colour: RGB, truth: bool = True, figure: Figure | None = None) -> Shown:
    """Everything to draw of a result. ``figure``: its figure if already built. Raises DiffOptError if the result is not
    finite or cannot be posed.
    """
    joints = result.joints.detach().cpu()
    check_finite(result, {"joints": joints})
    figure = figure or figure_of(result)
    surface = body_surface(figure.mesh, figure.betas) if figure.mesh is not None else drawn_surface(figure.rest)
    pose = result.motion.pose.detach().cpu().double()
    turns, _ = forward_kinematics(pose, figure.rest.double(), PARENTS)
    first = result.initial_joints.detach().cpu()
    moved = first.shape == joints.shape and float((first - joints).norm(dim=-1).max()) > 1e-3
    clip = result.clip
    return Shown(
        label=label,
        clip=clip.name,
        colour=colour,
        fps=float(clip.fps),
        surface=surface,
        rest=_array(figure.rest),
        turns=wxyz(turns),
        joints=_array(joints),
        initial=_array(first) if moved else None,
        cameras=_cameras(result.camera, clip.size),
        seen=seen_of(result, figure),
        truth=true_of(clip.truth, len(joints)) if truth and clip.truth is not None else None,
        video=clip.video,
        status=str(result.status),
        held=clip.camera is not None and clip.camera.held,
    )


def wxyz(rotations: Tensor) -> np.ndarray:
    """Quaternions (…, 4), real part first, of matrices (…, 3, 3)."""
    return _array(matrix_to_quaternion(rotations.detach().cpu().double()).roll(1, -1))


def line(points: np.ndarray) -> np.ndarray:
    """(N - 1, 2, 3) segments through points (N, 3); those with a nan end are dropped."""
    return drawable(np.stack([points[:-1], points[1:]], 1))


def drawable(pairs: np.ndarray) -> np.ndarray:
    """The finite segments (N, 2, 3); if there are none, one of length zero, as the browser needs at least one."""
    kept = pairs[np.isfinite(pairs).all((1, 2))].astype(np.float32)
    return kept if len(kept) else np.zeros((1, 2, 3), np.float32)


def _cameras(camera: CameraTrajectory, size: tuple[int, int]) -> Cameras | None:
    """The camera path; None for a motion without a camera (image size 0)."""
    values = (camera.R, camera.position, camera.focal, camera.centre)
    if min(size) <= 0 or not all(bool(v.isfinite().all()) for v in values) or not bool((camera.focal > 0).all()):
        return None
    return Cameras(wxyz(camera.R.mT), _array(camera.position), _array(camera.focal), _array(camera.centre), size)


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().to(torch.float32).numpy()
