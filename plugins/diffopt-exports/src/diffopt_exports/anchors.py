"""Where a standing foot is held, and how it gets there and away: a displacement of each foot in each frame."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from .contact import runs

#: Time in which a foot comes to its place and leaves it, s.
EASE = 0.2


def displacements(points: Tensor, standing: np.ndarray, fps: float, furthest: float) -> tuple[Tensor, np.ndarray]:
    """``points`` (T, 2, 3) ankle and ball of one foot, ``standing`` (T, 2): (T, 3) m by which the foot moves, and
    (T,) which of the two is held: 0, 1, or -1 for neither.

    A stand begins at the mean place of its first point. Where the foot rolls from heel to ball, the ball is held from
    where it is then, so that nothing jumps. The ball is held when both stand. A stand in which the foot would move
    further than ``furthest`` m is left alone: what slides so far does not stand.
    """
    held = np.where(standing[:, 1], 1, np.where(standing[:, 0], 0, -1))
    moved = torch.zeros(len(points), 3, dtype=points.dtype)
    for first, last in runs(held >= 0):
        changes = [first, *(np.flatnonzero(np.diff(held[first:last])) + first + 1).tolist(), last]
        for start, stop in pairwise(changes):
            point = points[start:stop, held[start]]
            place = point.mean(0) if start == first else points[start, held[start]] + moved[start - 1]
            moved[start:stop] = place - point
        if moved[first:last].norm(dim=-1).max() > furthest:
            moved[first:last] = 0.0
            held[first:last] = -1
    _ease(moved, runs(held >= 0), fps)
    return moved, held


def _ease(moved: Tensor, stands: list[tuple[int, int]], fps: float) -> None:
    """Between two stands the displacement of the first fades out and that of the second fades in."""
    frames = len(moved)
    stops = [0, *(last for _, last in stands)]
    starts = [*(first for first, _ in stands), frames]
    for index, (stop, start) in enumerate(zip(stops, starts, strict=True)):
        gap = start - stop
        if gap <= 0:
            continue
        span = min(EASE * fps, gap + 1.0)
        step = torch.arange(1, gap + 1, dtype=moved.dtype)
        total = moved.new_zeros(gap, 3)
        if index > 0:
            total += _fade(1 - step / span)[:, None] * moved[stop - 1]
        if start < frames:
            total += _fade(1 - step.flip(0) / span)[:, None] * moved[start]
        moved[stop:start] = total


def _fade(share: Tensor) -> Tensor:
    share = share.clamp(0.0, 1.0)
    return share * share * (3 - 2 * share)
