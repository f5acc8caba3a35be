"""Who is in a video: boxes found in a few of its frames, linked to people, one of whom is chosen.

MediaPipe follows one person and says nothing of others. So a few frames are searched one by one first, and only where
that finds several people is the chosen one followed inside a window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.types import Clip

from ..people import Track, choose

#: Frames of the first look: one a second, at most so many; of the second, where several people are there.
FIRST, SECOND = 30, 120
#: People that are looked for in one frame.
MOST = 4
#: A box belongs to a person whose last box is within this many of its heights …
REACH = 1.5
#: … is at most so much larger or smaller, and was seen at most so many looks ago.
RATIO, PATIENCE = 2.0, 6
#: Share of the tallest one's height from which on somebody counts.
LEAST = 0.25


@dataclass(frozen=True)
class Person:
    """``frames`` n: frames of the clip in which they were found, increasing; ``boxes`` n 4: x0 y0 x1 y1, px."""

    name: str
    frames: np.ndarray
    boxes: np.ndarray


def looks(count: int, fps: float, a_second: float, most: int, least: int = 3) -> np.ndarray:
    """Frames to look at: ``a_second`` of them evenly spread, at least ``least`` (or all) and at most ``most``."""
    wanted = int(np.clip(np.ceil(count / fps * a_second), min(least, count), most))
    return np.unique(((np.arange(wanted) + 0.5) * count / wanted).astype(np.int64))


def link(frames: np.ndarray, boxes: np.ndarray) -> list[Person]:
    """People from boxes ``[n 4]`` found in ``frames`` ``[n]`` (not decreasing), by distance in heights of the box.

    They are numbered from 1 in the order in which they appear, from left to right. Somebody seen once while there are
    four looks or more is a mistake or a passer-by, and left out unless there is nobody else; so is whoever is less than
    ``LEAST`` as tall as the tallest (things on a table pass for people at that size).
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
            ratio = height[[m[-1] for m in near]][:, None] / np.maximum(height[rows][None], 1e-9)
            far = np.where((ratio > RATIO) | (ratio < 1 / RATIO), np.inf, far)
            for a, b in zip(*linear_sum_assignment(np.minimum(far, 1e3)), strict=True):
                if far[a, b] <= REACH:
                    near[a].append(int(rows[b]))
                    taken.add(int(b))
        members += [[int(row)] for b, row in enumerate(rows) if b not in taken]
    lasting = ([m for m in members if len(m) > 1] if len(order) >= 4 else members) or members
    height = [float(np.median(boxes[m, 3] - boxes[m, 1])) for m in lasting]
    lasting = [m for m, tall in zip(lasting, height, strict=True) if tall >= LEAST * max(height)]
    return [Person(str(i + 1), frames[m], boxes[m]) for i, m in enumerate(lasting)]


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Between the centres of boxes ``[* 4]`` of equal unit along x and y, in heights of the taller one."""
    tall = np.maximum(a[..., 3] - a[..., 1], b[..., 3] - b[..., 1])
    off = np.linalg.norm((a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2, axis=-1)
    return off / np.maximum(tall, 1e-9)


def pick(people: Sequence[Person], clip: Clip, looked: np.ndarray, path: Path) -> tuple[Person, dict[str, Any]]:
    """The person that ``clip.person`` asks for, and ``facts["person"]``; see :func:`diffopt_inits.people.choose`."""
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
    """Box of each frame ``[count 4]``: between two sightings in proportion, before and after them as the nearest."""
    steps = np.arange(count)
    return np.stack([np.interp(steps, person.frames, person.boxes[:, k]) for k in range(4)], axis=-1)
