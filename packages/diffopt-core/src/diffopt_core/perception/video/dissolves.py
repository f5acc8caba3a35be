"""Dissolves and fades: stretches of a video in which one picture becomes another one by mixing.

Each frame of such a stretch is a mixture of a picture before and one after it; frames of a moving camera are not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

import numpy as np

#: Lengths that are looked for, frames; how often; and the side of the blocks whose means are compared, px.
_LENGTHS, _EVERY, _BLOCK = (8, 12, 16, 22, 32, 44, 64, 88, 112), 2, 4
#: Grey levels by which both ends differ at least, the share of that which a mixture leaves, and the share of both ends'
#: blocks that are found in each other at most.
_LEAST, _LEAVES, _FOUND = 8.0, 0.4, 0.35
#: Shares of the first picture a quarter, half and three quarters through; and from which on a frame is mixed.
_QUARTERS, _MIXED = ((0.55, 0.95), (0.3, 0.7), (0.05, 0.45)), 0.06


class Dissolves:
    """Looks for them in frames as they pass. ``found_again``: share of the blocks of one picture that are in another.
    ``spans``: first mixed frame, and the one after the last."""

    def __init__(self, found_again: Callable[[np.ndarray, np.ndarray], float]):
        self._found_again = found_again
        self._held: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=2 * _LENGTHS[-1])
        self._count, self._open = 0, list[tuple[int, int]]()
        self.spans: list[tuple[int, int]] = []

    def watched(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The frames, RGB uint8 ``H W 3``, small."""
        for frame in frames:
            self._add(frame)
            yield frame
        self._close()

    def _add(self, frame: np.ndarray) -> None:
        grey = np.asarray(frame, np.float32).mean(-1)
        rows, columns = (side // _BLOCK for side in grey.shape)
        if not rows or not columns:
            return
        cut = grey[: rows * _BLOCK, : columns * _BLOCK]
        self._held.append((grey, cut.reshape(rows, _BLOCK, columns, _BLOCK).mean((1, 3))))
        self._count += 1
        if self._count % _EVERY == 0:
            here = self._count - 1
            self._open += [(here - length, here) for length in _LENGTHS if self._mixes(length)]
        if self._open and self._count > self._open[-1][1] + _LENGTHS[-1] // 2:
            self._close()

    def _mixes(self, length: int) -> bool:
        """Whether the last ``length`` frames turn one picture into another."""
        if len(self._held) <= length:
            return False
        first, *quarters, last = (self._held[-1 - length + k * length // 4][1] for k in range(5))
        if float(np.abs(first - last).mean()) < _LEAST:
            return False
        for picture, (low, high) in zip(quarters, _QUARTERS, strict=True):
            share, left = _mixture(picture, first, last)
            if not low < share < high or left > _LEAVES:
                return False
        return self._found_again(self._held[-1 - length][0], self._held[-1][0]) <= _FOUND

    def _close(self) -> None:
        """One span of what was found close together: the frames between its ends that are mixtures of these."""
        if not self._open:
            return
        oldest = self._count - len(self._held)
        start, end = max(min(a for a, _ in self._open), oldest), max(b for _, b in self._open)
        self._open = []
        pictures = [self._held[number - oldest][1] for number in range(start, end + 1)]
        shares = np.array([_mixture(each, pictures[0], pictures[-1])[0] for each in pictures])
        before, after = np.flatnonzero(shares > 1 - _MIXED), np.flatnonzero(shares < _MIXED)
        first = int(before[before < (after[0] if len(after) else len(shares))].max(initial=0)) + 1
        later = after[after > first]
        end = int(later[0]) if len(later) else len(shares) - 1
        # what moves in either shot looks mixed, too: not farther than a steady change from one to the other takes
        at = np.flatnonzero((shares > 0.2) & (shares < 0.8))
        if len(at) > 2 and (fit := np.polyfit(at, shares[at], 1))[0] < 0:
            first = max(first, int(np.floor((1 - fit[1]) / fit[0])))
            end = min(end, int(np.ceil(-fit[1] / fit[0])) + 1)
        self.spans.append((start + first, start + end))


def _mixture(picture: np.ndarray, first: np.ndarray, last: np.ndarray) -> tuple[float, float]:
    """Share of ``first`` in a mixture with ``last``, and what it leaves, as a share of their difference."""
    apart, here = first - last, picture - last
    size = float((apart**2).sum())
    share = float((here * apart).sum()) / max(size, 1e-9)
    return share, float(np.linalg.norm(here - share * apart)) / max(size**0.5, 1e-9)
