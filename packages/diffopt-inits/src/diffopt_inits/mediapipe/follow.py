"""Survey of people, choice of the person, and crops for a small person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.types import Clip

from ..people import Track, choose, tight_boxes

#: Surveyed frames: one per second, at most this many; and of the second survey, if there are several people.
FIRST, SECOND = 30, 120
#: Largest number of people per frame.
MOST = 4
#: A box is assigned to a person whose last box is within this many of its heights …
REACH = 1.5
#: … is at most this much larger or smaller, and at most this many surveyed frames ago.
RATIO, PATIENCE = 2.0, 6
#: Least height of a person, relative to the tallest one.
SHORTEST = 0.25


@dataclass(frozen=True)
class Person:
    """``frames`` n: frames of the clip in which they were found, increasing; ``boxes`` n 4: x0 y0 x1 y1, px."""

    name: str
    frames: np.ndarray
    boxes: np.ndarray


def looks(count: int, fps: float, a_second: float, most: int, least: int = 3) -> np.ndarray:
    """Evenly spaced frames to survey: ``a_second`` per second, at least ``least`` (or all) and at most ``most``."""
    wanted = int(np.clip(np.ceil(count / fps * a_second), min(least, count), most))
    return np.unique(((np.arange(wanted) + 0.5) * count / wanted).astype(np.int64))


def link(frames: np.ndarray, boxes: np.ndarray) -> list[Person]:
    """People from boxes ``[n 4]`` found in ``frames`` ``[n]`` (not decreasing), by distance in heights of the box.

    They are numbered from 1 in order of appearance, from left to right. People found once in four or more surveyed
    frames are left out as false detections or passers-by, unless there are no others; so are people smaller than
    ``SHORTEST`` times the tallest one, which are often objects.
    """
    from scipy.optimize import linear_sum_assignment

    members: list[list[int]] = []
    order = np.unique(frames)
    turn = {int(frame): i for i, frame in enumerate(order)}
    for frame in order:
        rows = np.flatnonzero(frames == frame)
        rows = rows[np.argsort(boxes[rows, 0], kind="stable")]
        near = [m for m in members if turn[int(frame)] - turn[int(frames[m[-1]])] <= PATIENCE]
        taken: set[int] = set()
        if near:
            far = distance(boxes[[m[-1] for m in near]][:, None], boxes[rows][None])
            height = boxes[:, 3] - boxes[:, 1]
            ratio = np.maximum(height[[m[-1] for m in near]][:, None], 1e-9) / np.maximum(height[rows][None], 1e-9)
            # size counts too: else two people exchange their boxes where one of them is found in part
            cost = np.where((ratio > RATIO) | (ratio < 1 / RATIO), np.inf, far + np.abs(np.log(ratio)))
            for a, b in zip(*linear_sum_assignment(np.minimum(cost, REACH)), strict=True):
                if far[a, b] <= REACH and cost[a, b] < np.inf:
                    near[a].append(int(rows[b]))
                    taken.add(int(b))
        members += [[int(row)] for b, row in enumerate(rows) if b not in taken]
    lasting = ([m for m in members if len(m) > 1] if len(order) >= 4 else members) or members
    height = [float(np.median(boxes[m, 3] - boxes[m, 1])) for m in lasting]
    lasting = [m for m, tall in zip(lasting, height, strict=True) if tall >= SHORTEST * max(height)]
    return [Person(str(i + 1), frames[m], boxes[m]) for i, m in enumerate(lasting)]


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Between the centres of boxes ``[* 4]`` of equal unit along x and y, in heights of the taller one."""
    tall = np.maximum(a[..., 3] - a[..., 1], b[..., 3] - b[..., 1])
    off = np.linalg.norm((a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2, axis=-1)
    return off / np.maximum(tall, 1e-9)


def pick(people: Sequence[Person], clip: Clip, looked: np.ndarray, path: Path) -> tuple[Person, dict[str, Any]]:
    """The person that ``clip.person`` names, and ``facts["person"]``; see :func:`diffopt_inits.people.choose`."""
    assert clip.video is not None
    number = np.array(clip.video.frames)
    tracks = [Track(p.name, number[p.frames], np.insert(p.boxes.reshape(-1, 2, 2), 2, 1.0, axis=-1)) for p in people]
    seen = replace(clip, video=replace(clip.video, frames=tuple(number[looked].tolist())), num_frames=len(looked))
    track, facts = choose(tracks, seen, path)
    facts["looked_at"] = len(looked)
    facts["boxes"] = {p.name: [round(float(x)) for x in np.median(p.boxes, axis=0)] for p in people}
    facts["share"] = {p.name: round(len(p.frames) / len(looked), 3) for p in people}
    return next(p for p in people if p.name == track.name), facts


def between(person: Person, count: int) -> np.ndarray:
    """Box of each frame ``[count 4]``: linear interpolation between detections, constant before the first and after the
    last."""
    steps = np.arange(count)
    return np.stack([np.interp(steps, person.frames, person.boxes[:, k]) for k in range(4)], axis=-1)


#: Largest motion from one frame to the next, as a share of the person's height …
JUMP = 0.5
#: … plus this much for each frame in between without a person.
DRIFT = 0.1
#: Largest distance, in heights, of a box from the survey's detection, or from the expected position.
SEEN_AT, EXPECTED_AT = 0.5, 1.0
#: Least visibility and number of a person's landmarks in the image.
VISIBLE, LEAST = 0.5, 4


def boxes_of(points: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Boxes ``[T 4]`` px around the visible points ``[T J 4]`` (px; visibility last), and mask of frames with enough of
    them."""
    x, y, visible = points[..., 0], points[..., 1], points[..., 3] > VISIBLE
    seen = visible & (x >= 0) & (y >= 0) & (x <= size[0]) & (y <= size[1])
    enough = seen.sum(1) >= LEAST
    return np.where(enough[:, None], tight_boxes(points[..., :2], seen), 0.0), enough


def pieces(boxes: np.ndarray, found: np.ndarray) -> list[np.ndarray]:
    """The frames ``found``, split where the box ``[T 4]`` jumps."""
    frames = np.flatnonzero(found)
    if not len(frames):
        return []
    step = distance(boxes[frames[1:]], boxes[frames[:-1]])
    cuts = np.flatnonzero(step > JUMP + DRIFT * (np.diff(frames) - 1)) + 1
    return np.split(frames, cuts)


def right_person(boxes: np.ndarray, found: np.ndarray, chosen: Person, others: Sequence[Person]) -> np.ndarray:
    """Frames ``[T]`` in which the tracked box is that of ``chosen``.

    Between two jumps it is the same person. It is the chosen one if the survey found the chosen person at the box more
    often than elsewhere, and more often than another person nearer to it; a piece without a surveyed frame must be near
    the chosen person's expected position.
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


def around(people: Sequence[Person], count: int, gap: float) -> np.ndarray:
    """Boxes ``[T P 4]`` px of people, interpolated between detections at most ``gap`` frames apart; NaN elsewhere."""
    boxes = np.full((count, len(people), 4), np.nan)
    for i, person in enumerate(people):
        after = np.searchsorted(person.frames, np.arange(count)).clip(0, len(person.frames) - 1)
        nearest = np.abs(person.frames[np.stack([(after - 1).clip(0), after])] - np.arange(count))
        seen = (nearest <= gap).any(0)
        boxes[seen, i] = between(person, count)[seen]
    return boxes


def paint(masks: np.ndarray, boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """``masks`` ``[T h w]`` with the ``boxes`` ``[T P 4]`` px of bystanders, whom the tracker does not segment, filled
    in."""
    masks = masks.copy()
    _, height, width = masks.shape
    scaled = boxes * np.array([width / size[0], height / size[1]] * 2)
    for t, person in zip(*np.nonzero(np.isfinite(boxes[..., 0])), strict=True):
        x0, y0 = np.floor(scaled[t, person, :2]).astype(int).clip(0)
        x1, y1 = np.ceil(scaled[t, person, 2:]).astype(int)
        masks[t, y0:y1, x0:x1] = True
    return masks
