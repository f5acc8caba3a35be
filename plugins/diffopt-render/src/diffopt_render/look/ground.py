"""The ground y = 0 as a camera sees it: lines a metre apart that fade with distance, under a plain sky."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from diffopt_core.types import CameraTrajectory

from .colours import GROUND, HORIZON, LINE, SKY, STRONG_LINE, Colour

#: Half the width of a line, m; thinner ones than this many px are drawn so wide, but fainter.
_HALF_LINE, _LEAST = np.float32(0.008), np.float32(0.6)
_STRONG = 5  # every so many lines a stronger one
_ZENITH = 0.35  # slope of the ray at which the sky has its own colour


class Floor:
    """Where a camera of an image of ``size`` (width, height, px) sees the ground. One under it sees none."""

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
        """How steeply the ray of each pixel of a rectangle rises (H, W); negative towards the ground."""
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
    """Through one camera. Lines are whole within ``radius`` (m) of ``centre`` (x, z) and gone at three times that."""
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
        # thin ones fade, and those closer than a few px would shimmer: they melt into the ground
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
    """How far the ground moves from a pixel to the next, (H, W, 2), m."""
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
