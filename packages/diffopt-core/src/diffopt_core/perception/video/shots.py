"""Shots of a video: where one picture does not continue the one before (a cut)."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ...common.npz import read_npz, write_npz
from ...common.places import cache_folder
from ...errors import BadInput, DiffOptError
from ...types import Video
from .dissolves import Dissolves
from .read import read_frames

log = logging.getLogger(__name__)
#: Longest side of the pictures that are compared, px; side of their blocks, and how far a block may have moved.
LONGEST, _BLOCK, _REACH = 160, 16, 8
#: Grey levels (standard deviation) below which a block has no texture to be found by.
_PLAIN = 3.0
#: A block is found again at this correlation. A cut changes the picture by so many grey levels, so many times what the
#: frames around it do, and leaves at most this share of the blocks, and of what neighbouring frames leave.
_FOUND, _LEAST, _TIMES, _LEFT, _LEFT_OF = 0.85, 2.0, 2.5, 0.35, 0.5
#: A jump in time within one view: the same, and the share of the changed pixels that moved before it, and after it.
#: What appears or vanishes (a caption, a picture in the picture) moved on one side of it at most.
_JUMP_TIMES, _JUMP_LEFT_OF, _MOVED = 4.0, 0.9, 0.3
#: Frames around a cut that it is compared with; a picture that returns within so many frames was hidden by a flash.
_AROUND, _FLASH = 8, 6
#: Fewest frames of a shot that is solved.
SHORTEST = 5
_FORMAT = 2


def shots(video: Video, content: str | None) -> list[tuple[int, int]]:
    """First frame and the frame after the last of every shot, in frames of ``video.frames``; together all frames, but
    for those of a dissolve or a fade, which belong to no shot.

    ``content``: digest of the video, under which the answer is kept; every picture is decoded once. Raises BadInput if
    the video cannot be decoded.
    """
    key = hashlib.sha256(json.dumps([_FORMAT, content, video.frames]).encode()).hexdigest()[:32]
    path = cache_folder() / "perceived" / f"Shots-{key}.npz"
    found = _kept(path) if content else None
    if found is None:
        mixed = Dissolves(found_again)
        cuts = list(cuts_in(mixed.watched(read_frames(video, LONGEST))))
        found = between(cuts, mixed.spans, len(video.frames))
        try:
            write_npz(path, {"shots": np.array(found, np.int64)})
        except DiffOptError as error:
            log.warning("the shots of a video could not be cached: %s", error)
    return found


def between(cuts: list[int], mixed: list[tuple[int, int]], frames: int) -> list[tuple[int, int]]:
    """Shots between cuts and mixed spans; a cut within a span, or beside it, is a part of it."""
    edges = [(cut, cut) for cut in cuts if not any(start - 1 <= cut <= end + 1 for start, end in mixed)]
    edges = [(0, 0), *sorted(edges + mixed), (frames, frames)]
    return [(start, end) for (_, start), (end, _) in pairwise(edges) if end > start]


def _kept(path: Path) -> list[tuple[int, int]] | None:
    try:
        return [(int(a), int(b)) for a, b in read_npz(path)["shots"]] if path.is_file() else None
    except (BadInput, KeyError, ValueError, TypeError):
        return None


def cuts_in(frames: Iterable[np.ndarray]) -> Iterator[int]:
    """Numbers of the frames that begin a new shot. ``frames``: RGB uint8 ``H W 3``, small."""
    held: deque[np.ndarray] = deque(maxlen=2 * _AROUND + 1)
    steps: deque[float] = deque(maxlen=2 * _AROUND)
    last = -_AROUND
    for number, frame in enumerate(_padded(frames)):
        grey = held[-1] if frame is None else np.asarray(frame, np.float32).mean(-1)
        if held:
            steps.append(-1.0 if frame is None else float(np.abs(grey - held[-1]).mean()))
        held.append(grey)
        at = number - _AROUND
        if at >= 1 and at - last > 1 and _cut(held, steps):
            last = at
            yield at


def _padded(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray | None]:
    """The frames, then as many None as one has to look ahead."""
    yield from frames
    yield from [None] * _AROUND


def _cut(held: deque[np.ndarray], steps: deque[float]) -> bool:
    """Whether the frame ``_AROUND`` before the last one begins a shot."""
    middle = len(steps) - _AROUND - 1
    step, others = steps[middle], [s for k, s in enumerate(steps) if k != middle and s >= 0]
    usual_step = float(np.quantile(others, 0.75)) if others else 0.0
    if step < max(_LEAST, _TIMES * usual_step):
        return False
    pictures = list(held)
    here = len(pictures) - 1 - _AROUND
    before, after = pictures[max(here - _FLASH, 0) : here], pictures[here : here + _FLASH]
    pairs = [*((before[-1], picture) for picture in after), *((picture, after[0]) for picture in before[:-1])]
    left = max(found_again(a, b) for a, b in pairs)  # what comes back was hidden by a flash
    usual = [found_again(pictures[k - 1], pictures[k]) for k in (here - 1, here + 1) if k > 0]
    if left <= min(_LEFT, _LEFT_OF * max(usual, default=1.0)):
        return True
    jumps = step >= _JUMP_TIMES * usual_step and left <= _JUMP_LEFT_OF * min(usual, default=1.0)
    return jumps and _of_what_moves(pictures[:here], pictures[here:])


def _of_what_moves(before: list[np.ndarray], after: list[np.ndarray]) -> bool:
    """Whether the areas that change from the last picture ``before`` to the first one ``after`` are of
    what moves on both sides."""
    changed = np.abs(after[0] - before[-1]) > 4 * _LEAST
    changed &= sliding_window_view(np.pad(changed, 2), (5, 5)).mean((-1, -2)) > 0.5  # areas, not edges
    shares = []
    for pictures in (before, after):
        moved = np.ptp(np.stack(pictures), axis=0) > 4 * _LEAST
        spread = np.asarray(sliding_window_view(np.pad(moved, _REACH // 2), (_REACH + 1, _REACH + 1)).any((-1, -2)))
        shares.append(float(spread[changed].mean()) if changed.any() else 0.0)
    return min(shares) > _MOVED


def found_again(a: np.ndarray, b: np.ndarray) -> float:
    """Share of the textured blocks of picture ``a`` that are in ``b``, at most 8 px from where a turn of the camera
    would bring them; 1 where nothing has texture in either picture."""
    return max(_found(a, b), _found(a, np.roll(b, _shift(a, b), (0, 1))))


def _shift(a: np.ndarray, b: np.ndarray) -> tuple[int, int]:
    """By how many rows and columns ``b`` has to be moved back on ``a`` (phase correlation, Kuglin and Hines 1975)."""
    window = np.hanning(a.shape[0])[:, None] * np.hanning(a.shape[1])
    cross = np.fft.rfft2((a - a.mean()) * window) * np.fft.rfft2((b - b.mean()) * window).conj()
    peak = np.fft.irfft2(cross / np.maximum(np.abs(cross), 1e-9), a.shape).argmax()
    row, col = np.unravel_index(peak, a.shape)
    return int(row), int(col)


def _found(a: np.ndarray, b: np.ndarray) -> float:
    rows, cols = a.shape[0] // _BLOCK, a.shape[1] // _BLOCK
    if not rows or not cols:
        return 1.0
    blocks = a[: rows * _BLOCK, : cols * _BLOCK].reshape(rows, _BLOCK, cols, _BLOCK).swapaxes(1, 2)
    flat = blocks.reshape(rows, cols, -1)
    flat = flat - flat.mean(-1, keepdims=True)
    size = np.linalg.norm(flat, axis=-1)
    textured = size > _PLAIN * _BLOCK
    if not textured.any():
        return float(np.abs(a.mean() - b.mean()) < 4 * _LEAST and b.std() < 2 * _PLAIN)
    padded = np.pad(b, _REACH, mode="edge")
    best = np.full((rows, cols), -1.0)
    for dy in range(2 * _REACH + 1):
        strip = sliding_window_view(padded[dy : dy + rows * _BLOCK], (_BLOCK, _BLOCK))[::_BLOCK]
        for dx in range(2 * _REACH + 1):
            there = strip[:, dx : dx + cols * _BLOCK : _BLOCK].reshape(rows, cols, -1)
            there = there - there.mean(-1, keepdims=True)
            length = np.linalg.norm(there, axis=-1)
            best = np.maximum(best, (flat * there).sum(-1) / np.maximum(size * length, 1e-6))
    return float((best[textured] > _FOUND).mean())
