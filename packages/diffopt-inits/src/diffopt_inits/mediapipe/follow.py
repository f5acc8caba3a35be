"""Whether the tracker followed the chosen person all the way: jumps of its box, judged by what the survey saw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..people import tight_boxes
from .survey import Person, between, distance

#: Nobody moves by more than this share of their height from one frame to the next …
JUMP = 0.5
#: … and this much more for each frame in between without a person.
DRIFT = 0.1
#: How far, in heights, a box may lie from where the survey saw the person, or expects them.
SEEN_AT, EXPECTED_AT = 0.5, 1.0
#: Landmarks in the image with visibility over this that a person has at least.
VISIBLE, LEAST = 0.5, 4


def boxes_of(points: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Boxes ``[T 4]`` px around the visible points ``[T J 4]`` (px; visibility last), and where there are enough."""
    x, y, visible = points[..., 0], points[..., 1], points[..., 3] > VISIBLE
    seen = visible & (x >= 0) & (y >= 0) & (x <= size[0]) & (y <= size[1])
    enough = seen.sum(1) >= LEAST
    return np.where(enough[:, None], tight_boxes(points[..., :2], seen), 0.0), enough


def pieces(boxes: np.ndarray, found: np.ndarray) -> list[np.ndarray]:
    """Frames ``found``, cut where the box ``[T 4]`` jumps to another place."""
    frames = np.flatnonzero(found)
    if not len(frames):
        return []
    step = distance(boxes[frames[1:]], boxes[frames[:-1]])
    cuts = np.flatnonzero(step > JUMP + DRIFT * (np.diff(frames) - 1)) + 1
    return np.split(frames, cuts)


def right_person(boxes: np.ndarray, found: np.ndarray, chosen: Person, others: Sequence[Person]) -> np.ndarray:
    """Frames ``[T]`` in which the tracked box is that of ``chosen``.

    Between two jumps it is one person throughout. It is the chosen one where the survey saw them at the box more often
    than away from it or than somebody else nearer; a piece without a frame of the survey must lie about where the
    chosen one is expected.
    """
    right = np.zeros(len(found), dtype=bool)
    expected = between(chosen, len(found))
    for piece in pieces(boxes, found):
        rows = np.flatnonzero(np.isin(chosen.frames, piece))
        off = distance(boxes[chosen.frames[rows]], chosen.boxes[rows])
        good, bad = int((off <= SEEN_AT).sum()), int((off > SEEN_AT).sum())
        for other in others:
            shared = np.flatnonzero(np.isin(other.frames, piece) & ~np.isin(other.frames, chosen.frames))
            bad += int((distance(boxes[other.frames[shared]], other.boxes[shared]) <= SEEN_AT).sum())
        if good + bad:
            right[piece] = good >= bad
        else:
            right[piece] = np.median(distance(boxes[piece], expected[piece])) <= EXPECTED_AT
    return right


def paint(masks: np.ndarray, people: Sequence[Person], size: tuple[int, int], gap: float) -> np.ndarray:
    """``masks`` ``[T h w]`` with the boxes of ``people`` filled in, from sighting to sighting where these are at most
    ``gap`` frames apart: bystanders, whom the tracker does not outline."""
    masks = masks.copy()
    count, height, width = masks.shape
    scale = np.array([width / size[0], height / size[1]] * 2)
    for person in people:
        boxes = between(person, count) * scale
        after = np.searchsorted(person.frames, np.arange(count)).clip(0, len(person.frames) - 1)
        before = (after - 1).clip(0)
        nearest = np.abs(person.frames[np.stack([before, after])] - np.arange(count))
        for t in np.flatnonzero((nearest <= gap).any(0)):
            x0, y0 = np.floor(boxes[t, :2]).astype(int).clip(0)
            x1, y1 = np.ceil(boxes[t, 2:]).astype(int)
            masks[t, y0:y1, x0:x1] = True
    return masks
