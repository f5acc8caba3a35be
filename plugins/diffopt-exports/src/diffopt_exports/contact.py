"""When does a foot stand? By height over its own low mark, and by speed. Joints in the world, Y up, m."""

from __future__ import annotations

import numpy as np
import torch
from diffopt_core.skeleton import JOINT
from torch import Tensor

#: Per foot the joints that may stand: ankle (over the heel), and foot (the ball).
POINTS: tuple[tuple[int, int], ...] = tuple(
    (JOINT[f"{side}_ankle"], JOINT[f"{side}_foot"]) for side in ("left", "right")
)
#: A point stands below this height over its low mark (m) and, for `auto`, this speed (m/s).
HEIGHT, SPEED = 0.05, 0.7
#: Shortest stand, and gaps that are closed, s.
SHORTEST, GAP = 0.1, 0.07


def contacts(joints: Tensor, fps: float, by_speed: bool) -> Tensor:
    """(T, 2, 2) bool: left and right foot; ankle, ball. ``by_speed``: a low point that moves fast does not stand."""
    points = joints[:, [list(pair) for pair in POINTS]]  # T 2 2 3
    height = points[..., 1]
    # both feet share a low mark for each of the two points; a quantile, since a dip of one frame is noise
    mark = torch.quantile(height.flatten(0, 1), 0.05, dim=0)
    standing = height - mark < HEIGHT
    if by_speed and len(points) > 1:
        standing &= _speed(points, fps) < SPEED
    return torch.from_numpy(_tidied(standing.numpy(), fps))


def _speed(points: Tensor, fps: float) -> Tensor:
    """(T, ...) m/s, the mean of the steps before and after each frame."""
    steps = points.diff(dim=0).norm(dim=-1) * fps
    before, after = torch.cat([steps[:1], steps]), torch.cat([steps, steps[-1:]])
    return 0.5 * (before + after)


def _tidied(standing: np.ndarray, fps: float) -> np.ndarray:
    """Short gaps closed, then short stands dropped."""
    out = standing.copy()
    for foot, point in np.ndindex(*out.shape[1:]):
        row = out[:, foot, point]
        for value, seconds in ((False, GAP), (True, SHORTEST)):
            for first, last in runs(row == value):
                at_the_rim = first == 0 or last == len(row)
                if last - first < seconds * fps and not (at_the_rim and not value):
                    row[first:last] = not value
    return out


def runs(row: np.ndarray) -> list[tuple[int, int]]:
    """Half-open spans in which a row of booleans is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], row.astype(bool), [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
