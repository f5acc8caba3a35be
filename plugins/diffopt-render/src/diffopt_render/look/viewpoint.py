"""Still cameras that see everything: from the side of the way, and from above."""

from __future__ import annotations

import numpy as np
import torch
from diffopt_core.skeleton import JOINT
from diffopt_core.types import CameraTrajectory

_ELEVATION = np.radians(17.0)
_TURN = np.radians(30.0)  # off the pure side view: people come slightly towards the viewer
_TRAVELS = 0.6  # m between the farthest places below which the body's heading decides
_LENS = 2.0  # focal length in heights of the image
_LENS_ABOVE = 6.0  # long: from above, upright people should not lean outwards
_UP = np.array([0.0, 1.0, 0.0])
#: Room round the joints for head, hands and feet, m, and round everything, as a share of the image.
_FLESH, _MARGIN = 0.16, 0.07


def still_camera(joints: np.ndarray, size: tuple[int, int]) -> CameraTrajectory:
    """Sees all of ``joints`` (T, 24, 3): travel goes from left to right, standing people are seen from ahead."""
    towards = _towards(joints)
    back = towards * np.cos(_ELEVATION) + _UP * np.sin(_ELEVATION)
    return _fitted(_looking(-back, _UP), _corners(joints), size, _LENS)


def camera_above(joints: np.ndarray, size: tuple[int, int]) -> CameraTrajectory:
    """Looks straight down on all of ``joints``; the way runs along the longer side of the image."""
    axis = _way(joints)
    if axis is None:
        axis = np.array([1.0, 0.0, 0.0])
    top = np.cross(_UP, axis) if size[0] >= size[1] else axis
    return _fitted(_looking(-_UP, top), _corners(joints), size, _LENS_ABOVE)


def _way(joints: np.ndarray) -> np.ndarray | None:
    """Main direction of travel over the ground, a unit vector; None for those who stay where they are."""
    places = joints[:, JOINT["pelvis"]] * (1.0, 0.0, 1.0)
    about = places - places.mean(0)
    _, _, axes = np.linalg.svd(about, full_matrices=False)
    along = about @ axes[0]
    if np.ptp(along) < _TRAVELS:
        return None
    axis = axes[0] * (1.0, 0.0, 1.0)
    forward = np.sign(along[-1] - along[0]) or 1.0
    return np.asarray(forward * axis / np.linalg.norm(axis))


def _towards(joints: np.ndarray) -> np.ndarray:
    """From the people to the viewer, horizontal."""
    axis = _way(joints)
    if axis is not None:
        return np.cross(axis, _UP) * np.cos(_TURN) + axis * np.sin(_TURN)
    left = joints[:, [JOINT["left_hip"], JOINT["left_shoulder"]]].mean((0, 1))
    right = joints[:, [JOINT["right_hip"], JOINT["right_shoulder"]]].mean((0, 1))
    facing = np.cross(left - right, _UP)
    if np.linalg.norm(facing) < 1e-3:
        return np.array([0.0, 0.0, 1.0])
    facing /= np.linalg.norm(facing)
    return facing * np.cos(_TURN) - np.cross(facing, _UP) * np.sin(_TURN)


def _looking(ahead: np.ndarray, up: np.ndarray) -> np.ndarray:
    """World to camera (3, 3) of a camera that looks ``ahead``: its rows are right, down, ahead."""
    right = np.cross(ahead, up)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(ahead, right), ahead])


def _corners(joints: np.ndarray) -> np.ndarray:
    """Points (N, 3) that must be seen: the joints with flesh about them, and the ground below."""
    points = joints.reshape(-1, 3)
    points = points[np.isfinite(points).all(-1)]
    box = _FLESH * np.stack(np.meshgrid(*3 * [[-1.0, 1.0]]), -1).reshape(-1, 3)
    about = (points[:, None] + box).reshape(-1, 3)
    return np.concatenate([about, about * (1.0, 0.0, 1.0)])


def _fitted(R: np.ndarray, points: np.ndarray, size: tuple[int, int], lens: float) -> CameraTrajectory:
    """The nearest camera of this direction that sees all points: for each side of the image the point that decides it
    is the one farthest out along that side's plane, which gives the place in closed form."""
    width, height = (float(side) for side in size)
    focal = lens * height
    half = np.array([width, height]) * (0.5 - _MARGIN) / focal
    seen = points @ R.T
    after = (seen[:, :2] - half * seen[:, 2:]).max(0)
    before = (-seen[:, :2] - half * seen[:, 2:]).max(0)
    depth = float((-(after + before) / (2 * half)).min())
    centre = np.array([*(after - before) / 2, depth])
    return CameraTrajectory(
        torch.from_numpy(R).float(), torch.from_numpy(-centre).float(), torch.full((2,), focal),
        torch.tensor([width / 2, height / 2]), unit="metre", level=True,
    )  # fmt: skip
