"""When a foot stands, by one rule for reports, exports and figures; and how far standing feet slide."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .skeleton import FEET

#: A joint of the foot stands below this height over its low mark (m), and below this speed (m/s).
HEIGHT, SPEED = 0.05, 0.7
#: Shortest stand, and gaps that are closed, s.
SHORTEST, GAP = 0.1, 0.07
#: Below so many frames per second the speed of a foot is not known, and nor is its contact.
LEAST_RATE = 8.0
RULE = (
    f"within {HEIGHT * 100:.0f} cm of the joint's low mark (5 % quantile of its height), slower than {SPEED:g} m/s, "
    f"for {SHORTEST:g} s at least"
)


def standing(joints: Float[Tensor, "T 24 3"], fps: float, by_speed: bool = True) -> Bool[Tensor, "T 4"]:
    """Which of :data:`diffopt_core.data.skeleton.FEET` stands (joints: world, m, Y up); never one that is not finite.

    ``by_speed``: a low joint that moves fast does not stand.
    """
    points = joints[:, FEET]
    height = points[..., 1]
    # both feet share a low mark for each of the two joints; a quantile, since a dip of one frame is noise
    mark = torch.nanquantile(height.unflatten(1, (2, 2)).transpose(0, 1).flatten(1), 0.05, dim=1).repeat_interleave(2)
    found = height - mark < HEIGHT
    if by_speed and len(points) > 1:
        found &= _speed(points, fps) < SPEED
    return torch.from_numpy(_tidied(found.cpu().numpy(), fps))


def skate(joints: Float[Tensor, "T 24 3"], stands: Bool[Tensor, "T 4"]) -> float | None:
    """Mean horizontal way (mm per frame) of standing feet, over pairs of frames in which one stands: of the ball where
    it does, else of the ankle. None where no foot ever stands."""
    way = joints[:, FEET].diff(dim=0)[..., [0, 2]].norm(dim=-1)
    held = torch.cat([stands[:, :2] & ~stands[:, 2:], stands[:, 2:]], dim=1).to(way.device)
    both = held[1:] & held[:-1]
    return float(way[both].mean()) * 1e3 if bool(both.any()) else None


def runs(row: np.ndarray) -> list[tuple[int, int]]:
    """Half-open spans in which a row of booleans is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], row.astype(bool), [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _speed(points: Tensor, fps: float) -> Tensor:
    """(T, ...) m/s, the mean of the steps before and after each frame."""
    steps = points.diff(dim=0).norm(dim=-1) * fps
    before, after = torch.cat([steps[:1], steps]), torch.cat([steps, steps[-1:]])
    return 0.5 * (before + after)


def _tidied(found: np.ndarray, fps: float) -> np.ndarray:
    """Short gaps closed, then short stands dropped."""
    out = found.copy()
    for joint in range(out.shape[1]):
        row = out[:, joint]
        for value, seconds in ((False, GAP), (True, SHORTEST)):
            for first, last in runs(row == value):
                at_the_rim = first == 0 or last == len(row)
                if last - first < seconds * fps and not (at_the_rim and not value):
                    row[first:last] = not value
    return out
