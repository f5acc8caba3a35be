"""Which pixels may be tracked: not people, not black borders."""

from __future__ import annotations

import cv2
import numpy as np
from diffopt_core.types import Observations
from numpy.typing import NDArray

#: Longest side of the masks: they need no sharp edges, and the cost of dilation grows with the area.
COARSE = 240
#: Grey value up to which a border is black (compression raises black a little above 0).
_BLACK = 6
_CONFIDENT = 0.3


class PersonMask:
    """Pixels of people in frame ``n``, from masks where the detector gave them, else from the keypoints.

    From keypoints: their convex hull, dilated by a share of its size, since limbs have a width and hair and feet lie
    outside. A frame without a detection uses the hulls of the nearest frames with one, as detectors miss people who are
    still there.
    """

    def __init__(self, observations: Observations | None, size: tuple[int, int]):
        self.size = size
        self._masks: NDArray[np.uint8] | None = None
        self._points: NDArray[np.float64] | None = None
        self._valid = np.zeros(0, bool)
        if observations is None:
            return
        if observations.masks is not None:
            self._masks = observations.masks.numpy().astype(np.uint8)
            return
        points = observations.keypoints.double().numpy()
        self._valid = observations.valid.numpy() & ((points[..., 2] > _CONFIDENT).sum(-1) >= 3)
        self._points = points

    @property
    def source(self) -> str:
        if self._masks is not None:
            return "masks of the detector"
        return "none" if self._points is None else "hull of the keypoints"

    def __call__(self, number: int, shape: tuple[int, int]) -> NDArray[np.uint8]:
        """0 or 1, ``h w`` = ``shape``, 1 where a person is or may be."""
        height, width = shape
        out = np.zeros(shape, np.uint8)
        if self._masks is not None:
            mask = cv2.resize(self._masks[number], (width, height), interpolation=cv2.INTER_LINEAR)
            grow = max(2, round(0.015 * max(shape)))
            kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * grow + 1, 2 * grow + 1))
            return np.asarray(cv2.dilate(mask, kernel), np.uint8)
        for near in self._nearest(number):
            self._hull(near, out)
        return out

    def _nearest(self, number: int) -> list[int]:
        """The frame itself, or the frames with a person before and after it."""
        if self._points is None or not self._valid.any():
            return []
        if self._valid[number]:
            return [number]
        found = np.flatnonzero(self._valid)
        after = int(np.searchsorted(found, number))
        return [int(found[i]) for i in {max(after - 1, 0), min(after, len(found) - 1)}]

    def _hull(self, number: int, out: NDArray[np.uint8]) -> None:
        assert self._points is not None
        points = self._points[number]
        seen = points[points[:, 2] > _CONFIDENT, :2] * (np.array(out.shape[::-1]) / self.size)
        extent = float(np.ptp(seen, axis=0).max())
        polygon = cv2.convexHull(np.round(np.clip(seen, -2000, 2000)).astype(np.int32))
        cv2.fillConvexPoly(out, polygon, 1)
        cv2.polylines(out, [polygon], True, 1, thickness=max(3, round(0.16 * extent)))


def coarse_shape(shape: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of the masks of an image of ``shape``."""
    share = min(1.0, COARSE / max(shape))
    return max(1, round(shape[0] * share)), max(1, round(shape[1] * share))


def black_border(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """1 where a black region touches the image's edge (letterbox, corners of a stabilised picture), coarse."""
    small = cv2.resize(grey, coarse_shape(grey.shape)[::-1], interpolation=cv2.INTER_AREA)
    dark = (small <= _BLACK).astype(np.uint8)
    if not dark.any():
        return dark
    _, labels = cv2.connectedComponents(dark)
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    border = np.isin(labels, np.unique(edge[edge > 0])).astype(np.uint8)
    return np.asarray(cv2.dilate(border, np.ones((5, 5), np.uint8)), np.uint8)
