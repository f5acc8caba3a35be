"""KLT: corners (Shi-Tomasi 1994) followed by pyramidal Lucas-Kanade, there and back (Bouguet 2000)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from diffopt_core.common.progress import track as progress
from diffopt_core.perception.video import read_frames
from diffopt_core.types import Clip, Observations
from numpy.typing import NDArray

from .mask import PersonMask, black_border, coarse_shape
from .table import Tracks

_WINDOW = (21, 21)
_LEVELS = 4
_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.01)
#: Smallest eigenvalue of the gradient's moments (OpenCV's scale) below which a corner is noise.
_TEXTURE = 1e-4
#: A frame that a smaller share of the points reaches is a flash, a blank or a cut; up to `_BRIDGE` frames are bridged.
_LOST, _BRIDGE = 0.2, 6


@dataclass(frozen=True)
class Following:
    """``target``: points per frame; ``longest``: px of the longer side that is tracked; ``back``: px (at ``longest``)
    by which a point may miss its start when tracked backwards."""

    target: int = 500
    longest: int = 960
    back: float = 0.7


def follow(clip: Clip, observations: Observations | None, settings: Following = Following()) -> Tracks:
    """Tracks on the background of a clip's video, one frame in memory at a time.

    Raises BadInput (from the reader) if the video cannot be decoded.
    """
    assert clip.video is not None
    tracker = _Tracker(settings, PersonMask(observations, clip.size))
    with progress("camera: tracks", clip.num_frames) as update:
        for number, image in enumerate(read_frames(clip.video, settings.longest)):
            tracker.see(number, np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)))
            update(number + 1)
    return tracker.tracks(clip.size, clip.num_frames)


@dataclass
class _Frame:
    number: int
    grey: NDArray[np.uint8]
    barred: NDArray[np.uint8]  # coarse, 1 where nothing may be tracked


@dataclass
class _Tracker:
    settings: Following
    people: PersonMask
    points: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    ids: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    last: _Frame | None = None
    pending: list[_Frame] = field(default_factory=list)
    next_id: int = 0
    seen: dict[int, tuple[NDArray, NDArray]] = field(default_factory=dict)
    masked: dict[int, float] = field(default_factory=dict)
    breaks: list[int] = field(default_factory=list)
    shape: tuple[int, int] = (1, 1)

    def see(self, number: int, grey: NDArray[np.uint8]) -> None:
        self.shape = (grey.shape[0], grey.shape[1])
        self._take(self._prepare(number, grey))

    def _prepare(self, number: int, grey: NDArray[np.uint8]) -> _Frame:
        barred = np.maximum(self.people(number, coarse_shape(self.shape)), black_border(grey))
        self.masked[number] = float(barred.mean())
        return _Frame(number, grey, barred)

    def _take(self, frame: _Frame) -> None:
        """Track into ``frame``; if that fails, wait for up to `_BRIDGE` frames."""
        if self.last is not None and len(self.points):
            points, good = self._flow(self.last, frame)
            lost = len(points) >= 20 and good.mean() < _LOST
            if lost and len(self.pending) < _BRIDGE:
                self.pending.append(frame)
                return
            if lost:
                self._start_again(frame)
                return
            self.points, self.ids = points[good], self.ids[good]
        self.pending.clear()
        self._keep(frame)

    def _start_again(self, frame: _Frame) -> None:
        """No track survived: start new tracks at the first lost frame."""
        waiting, self.pending = [*self.pending, frame], []
        self.breaks.append(waiting[0].number)
        self.points, self.ids, self.last = self.points[:0], self.ids[:0], None
        for again in waiting:
            self._take(again)

    def _keep(self, frame: _Frame) -> None:
        if len(self.points) < 0.85 * self.settings.target:
            self._detect(frame)
        self.seen[frame.number] = (self.ids, self.points)
        self.last = frame

    def _flow(self, old: _Frame, new: _Frame) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        # the third array is only read with a flag
        found, ok, _ = cv2.calcOpticalFlowPyrLK(
            old.grey, new.grey, self.points, self.points.copy(), winSize=_WINDOW, maxLevel=_LEVELS, criteria=_STOP
        )
        there = np.asarray(found, np.float32)
        # backward tracking starts near the original point: it tests whether the two patches match
        back, also, _ = cv2.calcOpticalFlowPyrLK(
            new.grey, old.grey, there, self.points.copy(), winSize=_WINDOW, maxLevel=1, criteria=_STOP,
            flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
        )  # fmt: skip
        miss = np.abs(np.asarray(back) - self.points).max(-1)
        good = (np.ravel(ok) > 0) & (np.ravel(also) > 0) & (miss < self.settings.back)
        inside = ((there > 4) & (there < np.array(self.shape[::-1]) - 5)).all(-1)
        good &= inside
        good[good] &= ~self._barred(new, there[good])
        return there, good

    def _barred(self, frame: _Frame, points: NDArray[np.float32]) -> NDArray[np.bool_]:
        rows, cols = frame.barred.shape
        x = (points[:, 0] * cols / self.shape[1]).astype(int).clip(0, cols - 1)
        y = (points[:, 1] * rows / self.shape[0]).astype(int).clip(0, rows - 1)
        return frame.barred[y, x] > 0

    def _detect(self, frame: _Frame) -> None:
        """The best corner of each cell of a grid that holds no point yet, the strongest first."""
        height, width = self.shape
        cell = max(8, round((height * width / (1.6 * self.settings.target)) ** 0.5))
        score = cv2.cornerMinEigenVal(frame.grey, 5)
        barred = cv2.resize(frame.barred, (width, height), interpolation=cv2.INTER_NEAREST)
        score[barred > 0] = 0
        for edge in (score[:8], score[-8:], score[:, :8], score[:, -8:]):
            edge[...] = 0
        for x, y in self.points.astype(int):
            score[max(y - cell // 2, 0) : y + cell // 2, max(x - cell // 2, 0) : x + cell // 2] = 0
        rows, cols = -(-height // cell), -(-width // cell)
        padded = np.zeros((rows * cell, cols * cell), np.float32)
        padded[:height, :width] = score
        cells = padded.reshape(rows, cell, cols, cell).swapaxes(1, 2).reshape(rows * cols, -1)
        best = cells.argmax(1)
        strength = cells[np.arange(len(cells)), best]
        order = np.argsort(-strength)[: self.settings.target - len(self.points)]
        order = order[strength[order] > _TEXTURE]
        found = np.stack([order % cols * cell + best[order] % cell, order // cols * cell + best[order] // cell], -1)
        self.points = np.concatenate([self.points, found.astype(np.float32)])
        self.ids = np.concatenate([self.ids, self.next_id + np.arange(len(found))])
        self.next_id += len(found)

    def _parts(self, frames: int) -> Iterator[tuple[NDArray, NDArray]]:
        nothing = (np.zeros(0, np.int64), np.zeros((0, 2), np.float32))
        yield from (self.seen.get(n, nothing) for n in range(frames))

    def tracks(self, size: tuple[int, int], frames: int) -> Tracks:
        """All tracks, in px of the full image."""
        ids, points = zip(*self._parts(frames), strict=True)
        start = np.concatenate([[0], np.cumsum([len(part) for part in ids])]).astype(np.int64)
        scale = np.array(size) / np.array(self.shape[::-1])
        return Tracks(
            xy=(np.concatenate(points).astype(np.float64) + 0.5) * scale,
            track=np.concatenate(ids),
            start=start,
            size=size,
            masked=np.array([self.masked.get(n, 0.0) for n in range(frames)]),
            breaks=tuple(self.breaks),
        )
