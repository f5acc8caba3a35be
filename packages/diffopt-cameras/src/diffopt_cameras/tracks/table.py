"""Tracks as flat arrays, with queries: pairs of frames, long tracks, overlays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

#: Thresholds in px are meant at this longest side; see :attr:`Tracks.unit`.
REFERENCE = 960


@dataclass(frozen=True)
class Tracks:
    """Observed points: rows ``start[i]:start[i + 1]`` belong to frame ``i``, sorted by track number.

    ``xy`` [N 2]: px of the full upright image, counted from its upper left corner (the middle of the first pixel is
    0.5). ``track`` [N]: number of the track. ``masked`` [T]: share of the image that was left out. ``breaks``: frames
    that no track reached from before (a cut).
    """

    xy: NDArray[np.float64]
    track: NDArray[np.int64]
    start: NDArray[np.int64]
    size: tuple[int, int]
    masked: NDArray[np.float64]
    breaks: tuple[int, ...] = ()

    @property
    def num_frames(self) -> int:
        return len(self.start) - 1

    @property
    def count(self) -> int:
        """Upper bound of the track numbers (exclusive)."""
        return int(self.track.max()) + 1 if len(self.track) else 0

    @property
    def unit(self) -> float:
        """Px of the full image for one px at a longest side of 960."""
        return max(self.size) / REFERENCE

    @property
    def frame(self) -> NDArray[np.int64]:
        """Frame of each row."""
        return np.repeat(np.arange(self.num_frames), np.diff(self.start))

    def per_frame(self) -> NDArray[np.int64]:
        """Number of points of each frame."""
        return np.diff(self.start)

    def common(self, first: int, second: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows of the tracks that two frames share, in the same order."""
        a, b = slice(*self.start[first : first + 2]), slice(*self.start[second : second + 2])
        _, i, j = np.intersect1d(self.track[a], self.track[b], assume_unique=True, return_indices=True)
        return i + self.start[first], j + self.start[second]

    def only(self, rows: NDArray[np.bool_]) -> Tracks:
        """A copy with only the rows where ``rows`` [N] is true."""
        kept = np.concatenate([[0], np.cumsum(rows)])[self.start]
        return replace(self, xy=self.xy[rows], track=self.track[rows], start=kept)

    def at_frames(self, frames: Sequence[int]) -> Tracks:
        """A copy with only the given frames (increasing numbers), renumbered from 0."""
        parts = [np.arange(self.start[f], self.start[f + 1]) for f in frames]
        rows = np.concatenate(parts) if parts else np.zeros(0, np.int64)
        start = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
        return replace(
            self, xy=self.xy[rows], track=self.track[rows], start=start, masked=self.masked[list(frames)], breaks=()
        )


def long_enough(tracks: Tracks, frames: int = 3) -> Tracks:
    """Drop tracks seen in fewer than ``frames`` frames: most of them are noise."""
    seen = np.bincount(tracks.track, minlength=tracks.count)
    return tracks.only(seen[tracks.track] >= frames)


def without_overlays(tracks: Tracks, still: float = 0.4, moving: float = 6.0) -> tuple[Tracks, int]:
    """Drop points that stand still while the image moves (logos, captions); also returns how many there were.

    An overlay stays within ``still`` px (of the tracked image) over at least 8 frames in which the median track moves
    more than ``moving`` px (at 960). A distant point of a camera that only moves forward would also count, but only if
    the camera rotated by less than a hundredth of a degree, which no hand-held camera or gimbal does.
    """
    if not len(tracks.track):
        return tracks, 0
    count = tracks.count
    low, high = np.full((count, 2), np.inf), np.full((count, 2), -np.inf)
    np.minimum.at(low, tracks.track, tracks.xy)
    np.maximum.at(high, tracks.track, tracks.xy)
    seen = np.bincount(tracks.track, minlength=count)
    extent = np.where(seen > 0, np.where(seen[:, None] > 0, high - low, 0.0).max(1), 0.0) / tracks.unit
    old = seen >= 8
    if old.sum() < 8:
        return tracks, 0
    typical = np.median(extent[old] / seen[old])
    overlay = old & (extent < still * max(1.0, 1 / tracks.unit)) & (typical * seen > moving)
    if not overlay.any() or overlay.sum() > 0.5 * old.sum():
        return tracks, 0
    return tracks.only(~overlay[tracks.track]), int(overlay.sum())
