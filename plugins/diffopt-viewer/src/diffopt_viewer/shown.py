"""A result as the arrays that are drawn: computed once, then looked up by frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from diffopt_core.errors import DiffOptError
from diffopt_core.geometry import forward_kinematics
from diffopt_core.rotation import matrix_to_quaternion
from diffopt_core.saved import Figure, Surface, body_surface, drawn_surface, figure_of
from diffopt_core.skeleton import PARENTS
from diffopt_core.types import CameraTrajectory, Result, Video
from torch import Tensor

from .colours import RGB
from .pixels import Seen, seen_of
from .truth import TrueMotion, true_of

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
        """Vertical angle (radians) and width over height of the frustum; pixels need not be square."""
        across, up = np.array(self.size) / self.focal[frame]
        return float(2 * np.arctan(up / 2)), float(across / up)


@dataclass(frozen=True)
class Shown:
    """World metres. ``turns`` (T, 24, 4) wxyz of each joint in the world, ``joints`` (T, 24, 3); ``initial`` (T, 24, 3)
    where it is another motion. ``rest`` (24, 3): where the joints are in ``surface``."""

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

    @property
    def frames(self) -> int:
        return len(self.joints)

    @property
    def seconds(self) -> float:
        return self.frames / self.fps

    def frame_at(self, time: float) -> int:
        """Number of the frame that is seen ``time`` seconds into the clip; the last one after its end."""
        return int(np.clip(np.floor(time * self.fps + 1e-6), 0, self.frames - 1))

    @property
    def skin(self) -> np.ndarray:
        """(V, 24) weights of the four strongest joints of each vertex, which is what a browser skins with; they add up
        to one."""
        index, weights, _ = self.surface.strongest(4)
        skin = np.zeros((len(index), 24), np.float32)
        np.add.at(skin, (np.arange(len(index))[:, None], index), weights)
        return skin

    @property
    def on_ground(self) -> np.ndarray:
        """(T, 3) the pelvis over the ground, 1 cm above it."""
        return self.joints[:, 0] * (1.0, 0.0, 1.0) + (0.0, 0.01, 0.0)


def shown_of(result: Result, label: str, colour: RGB, truth: bool = True, figure: Figure | None = None) -> Shown:
    """Everything of a result that is drawn. ``figure``: its figure where it is known already.

    Raises DiffOptError where the result cannot be posed.
    """
    joints = result.joints.detach().cpu()
    if not bool(joints.isfinite().all()):
        raise DiffOptError(f"{result.clip.path or label}: joints: hold numbers that are not finite; nothing to show")
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
        truth=true_of(clip.truth, joints) if truth and clip.truth is not None else None,
        video=clip.video,
        status=str(result.status),
    )


def wxyz(rotations: Tensor) -> np.ndarray:
    """Quaternions (…, 4), real part first, of matrices (…, 3, 3)."""
    return _array(matrix_to_quaternion(rotations.detach().cpu().double()).roll(1, -1))


def line(points: np.ndarray) -> np.ndarray:
    """(N - 1, 2, 3) a path through points (N, 3); steps that touch a point that is nan are left out."""
    return drawable(np.stack([points[:-1], points[1:]], 1))


def drawable(pairs: np.ndarray) -> np.ndarray:
    """The segments (N, 2, 3) that are finite; where none is, one of no length, as the browser wants one at least."""
    kept = pairs[np.isfinite(pairs).all((1, 2))].astype(np.float32)
    return kept if len(kept) else np.zeros((1, 2, 3), np.float32)


def _cameras(camera: CameraTrajectory, size: tuple[int, int]) -> Cameras | None:
    """None for a motion without a camera (an image of no size)."""
    values = (camera.R, camera.position, camera.focal, camera.centre)
    if min(size) <= 0 or not all(bool(v.isfinite().all()) for v in values) or not bool((camera.focal > 0).all()):
        return None
    return Cameras(wxyz(camera.R.mT), _array(camera.position), _array(camera.focal), _array(camera.centre), size)


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().to(torch.float32).numpy()
