"""The ground y = 0 as seen by a camera, static cameras that see the whole motion, and the colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from diffopt_core.data.skeleton import JOINT
from diffopt_core.types import CameraTrajectory

Colour = tuple[float, float, float]


def _of(code: str) -> Colour:
    red, green, blue = (int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


#: Skin of the recovered body: the blue of the pictures, light enough for shading.
BODY = _of("#7DB4E0")
BODY_EARLY = _of("#C9DDEC")
PATH = _of("#0072B2")
TRUTH = _of("#8A8A8A")
TRUTH_PATH = _of("#1A1A1A")
KEYPOINT, INK = _of("#F0E442"), _of("#333333")

#: Colours of the scene: sky at the top and at the horizon, ground, lines on it.
SKY, HORIZON = _of("#F8F9FB"), _of("#E6EAEE")
GROUND, LINE, STRONG_LINE = _of("#D9DFE5"), _of("#BFC8D1"), _of("#A5B0BB")
EMPTY = _of("#111315")


#: Half the width of a line, m; lines thinner than this many px are drawn at this width, but fainter.
_HALF_LINE, _LEAST = np.float32(0.008), np.float32(0.6)
_STRONG = 5  # interval of stronger lines
_ZENITH = 0.35  # slope of the ray at which the sky reaches its top colour


class Floor:
    """Where a camera with an image of ``size`` (width, height, px) sees the ground. A camera below it sees none."""

    def __init__(self, camera: CameraTrajectory, size: tuple[int, int]):
        R, t, focal, middle = (
            x.detach().cpu().double().numpy() for x in (camera.R, camera.t, camera.focal, camera.centre)
        )
        self.size = size
        self._eye = (-R.T @ t).astype(np.float32)
        # rows of R are the camera's axes in the world
        across = (np.arange(size[0]) + 0.5 - middle[0]) / focal[0]
        down = (np.arange(size[1]) + 0.5 - middle[1]) / focal[1]
        self._across = (across[:, None] * R[0]).astype(np.float32)
        self._down = (down[:, None] * R[1] + R[2]).astype(np.float32)

    def slope(self, rows: slice, columns: slice) -> np.ndarray:
        """Slope of the ray of each pixel of a rectangle (H, W); negative towards the ground."""
        return self._down[rows, None, 1] + self._across[None, columns, 1]

    def where(self, rows: slice, columns: slice) -> np.ndarray:
        """x and z of the ground behind each pixel of a rectangle (H, W, 2), m; nan for the sky."""
        slope = self.slope(rows, columns)
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where((slope < -1e-6) & (self._eye[1] > 0), -self._eye[1] / slope, np.float32(np.nan))
            flat = self._down[rows, None][..., [0, 2]] + self._across[None, columns][..., [0, 2]]
            return np.asarray(self._eye[[0, 2]] + reach[..., None] * flat)


@dataclass(frozen=True)
class Ground:
    """``image`` (H, W, 3) float32; ``floor``: where it is."""

    image: np.ndarray
    floor: Floor


def ground_seen(camera: CameraTrajectory, size: tuple[int, int], centre: np.ndarray, radius: float) -> Ground:
    """The ground through one camera. Lines have full strength within ``radius`` (m) of ``centre`` (x, z) and fade to
    none at three times that."""
    floor = Floor(camera, size)
    every = slice(None), slice(None)
    image = _mix(_tone(HORIZON), _tone(SKY), _smooth(floor.slope(*every) / _ZENITH)[..., None])
    where = floor.where(*every)
    rows = np.flatnonzero(np.isfinite(where[..., 0]).any(1))
    if len(rows):
        part = slice(int(rows[0]), int(rows[-1]) + 1)
        image[part] = _with_lines(image[part], where[part], centre, radius)
    return Ground(image, floor)


def _with_lines(image: np.ndarray, where: np.ndarray, centre: np.ndarray, radius: float) -> np.ndarray:
    with np.errstate(invalid="ignore", over="ignore"):
        away = np.linalg.norm(where - centre.astype(np.float32), axis=-1)
        near = np.nan_to_num(1 - _smooth((away - np.float32(radius)) / np.float32(2 * radius)))
        step = _step(where)
        number = np.round(where)
        half = np.maximum(_HALF_LINE, _LEAST * step)
        cover = np.clip((half - np.abs(where - number)) / np.maximum(step, 1e-9) + np.float32(0.5), 0, 1)
        # thin lines fade, and lines closer than a few px, which would flicker, blend into the ground
        strong = number % _STRONG == 0
        pitch = np.where(strong, np.float32(_STRONG), np.float32(1))
        cover *= np.sqrt(_HALF_LINE / half) * (1 - _smooth((step / pitch - np.float32(0.1)) * 4))
    cover = np.nan_to_num(cover) * near[..., None]
    image = _mix(image, _tone(GROUND), near[..., None])
    for axis in (0, 1):
        colour = np.where(strong[..., axis, None], _tone(STRONG_LINE), _tone(LINE))
        image = _mix(image, colour, cover[..., axis, None])
    return image


def _step(where: np.ndarray) -> np.ndarray:
    """Ground distance between neighbouring pixels, (H, W, 2), m."""
    step = np.zeros_like(where)
    step[:, :-1] = np.abs(np.diff(where, axis=1))
    step[:, -1] = step[:, -2]
    below = np.abs(np.diff(where, axis=0))
    np.maximum(step[:-1], below, out=step[:-1])
    if len(below):
        np.maximum(step[-1], below[-1], out=step[-1])
    return step


def _tone(colour: Colour) -> np.ndarray:
    return np.array(colour, np.float32)


def _smooth(share: np.ndarray) -> np.ndarray:
    share = np.clip(share, 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def _mix(a: np.ndarray, b: np.ndarray, share: np.ndarray) -> np.ndarray:
    return np.asarray(a + (b - a) * share)


def plain(size: tuple[int, int], colour: Colour) -> np.ndarray:
    """An image (H, W, 3) uint8 of one colour."""
    return np.full((size[1], size[0], 3), np.round(255 * np.array(colour)), np.uint8)


_ELEVATION = np.radians(17.0)
_TURN = np.radians(30.0)  # off the pure side view: people move slightly towards the viewer
_TRAVELS = 0.6  # m between the farthest positions, below which the body's heading sets the view
_LENS = 2.0  # focal length in heights of the image
_LENS_ABOVE = 6.0  # long, to limit perspective from above
_UP = np.array([0.0, 1.0, 0.0])
#: Margin around the joints for head, hands and feet, m, and around everything, as a share of the image.
_FLESH, _MARGIN = 0.16, 0.07


def still_camera(joints: np.ndarray, size: tuple[int, int]) -> CameraTrajectory:
    """A static camera that sees all of ``joints`` (T, 24, 3): travel is from left to right, standing people are seen
    from the front."""
    towards = _towards(joints)
    back = towards * np.cos(_ELEVATION) + _UP * np.sin(_ELEVATION)
    return _fitted(_looking(-back, _UP), _corners(joints), size, _LENS)


def camera_above(joints: np.ndarray, size: tuple[int, int]) -> CameraTrajectory:
    """A camera that looks straight down on all of ``joints``; the path runs along the longer side of the image."""
    axis = _way(joints)
    if axis is None:
        axis = np.array([1.0, 0.0, 0.0])
    top = np.cross(_UP, axis) if size[0] >= size[1] else axis
    return _fitted(_looking(-_UP, top), _corners(joints), size, _LENS_ABOVE)


def _way(joints: np.ndarray) -> np.ndarray | None:
    """Main direction of travel over the ground, a unit vector; None for people who do not travel."""
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
    """Horizontal direction from the people to the viewer."""
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
    """Points (N, 3) that must be visible: the joints with a margin, and the ground below."""
    points = joints.reshape(-1, 3)
    points = points[np.isfinite(points).all(-1)]
    box = _FLESH * np.stack(np.meshgrid(*3 * [[-1.0, 1.0]]), -1).reshape(-1, 3)
    about = (points[:, None] + box).reshape(-1, 3)
    return np.concatenate([about, about * (1.0, 0.0, 1.0)])


def _fitted(R: np.ndarray, points: np.ndarray, size: tuple[int, int], lens: float) -> CameraTrajectory:
    """The nearest camera with this direction that sees all points. For each image side the deciding point is the one
    farthest out along that side's plane, which gives the position in closed form."""
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
