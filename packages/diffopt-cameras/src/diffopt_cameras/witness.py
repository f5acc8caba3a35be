"""Two parts of the background that move in different ways: which of them is the ground?

A camera that stands sees still points, whatever else moves: screens, traffic, water, a picture beside the picture. A
camera that travels sees still points too, in captions and logos. The feet of the person tell the two apart: one that
stands on the ground moves as the ground does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from diffopt_core.data.skeleton import LAYOUTS
from diffopt_core.types import Observations
from numpy.typing import NDArray

from .tracks import Tracks
from .wahba import Array, residuals, share

#: Cells of the image, each way, in which the background is taken to stand or to move.
_CELLS = 16
#: Share of the cells that stand above which there are two parts (of a camera that moves: 0), and above which the camera
#: stands if no foot is seen; px (at 960) that a track may move meanwhile.
LEAST, _MOST, _STILL = 0.1, 0.5, 1.5
#: Time over which a foot's step is taken, s; px (at 960) of a detector's noise in it; and the share of the other
#: part's motion below which a foot stands.
_GAP, _NOISE, _STANDS = 0.2, 3.0, 0.35
_CONFIDENT = 0.5
#: What a rotation leaves, as a share of the flow, of a thing that moves by itself; and the most of the image that may.
_ASTRAY, MOST_ASTRAY = 0.33, 0.15


@dataclass(frozen=True)
class Parts:
    """``still``: share of the image's cells in which the background stands. ``flow``: px (at 960) in 0.2 s of those
    that move. ``foot``: px (at 960) in 0.2 s of the foot that moves least, nan where none is seen. ``cells`` [16 16],
    x y: whether each stands (1) or moves (0), -1 where nothing is followed."""

    still: float
    flow: float
    foot: float
    cells: NDArray[np.int64] | None = None

    def facts(self) -> dict[str, float | None]:
        foot = round(self.foot, 2) if np.isfinite(self.foot) else None
        return {"still_share": round(self.still, 3), "moving_px": round(self.flow, 2), "foot_px": foot}

    @property
    def seen(self) -> bool:
        return bool(np.isfinite(self.foot))

    @property
    def stands(self) -> bool:
        """Whether the part that stands is the ground: by the feet, or else the larger part."""
        if self.still < LEAST:
            return False
        if self.seen and self.flow > 2 * _NOISE:
            return self.foot < max(_NOISE, _STANDS * self.flow)
        return self.still > _MOST

    def ground(self, points: Array, size: tuple[int, int]) -> NDArray[np.bool_]:
        """Mask [N] of the points, px of an image of ``size``, that are not seen to be of the other part."""
        if self.still < LEAST or self.cells is None:
            return np.ones(len(points), bool)
        x, y = (points / np.array(size) * _CELLS).astype(int).clip(0, _CELLS - 1).T
        return np.asarray(self.cells[x, y] != (0 if self.stands else 1))


def parts(tracks: Tracks, observations: Observations, fps: float) -> Parts:
    """Measure both parts on tracks of at least a second (or a third of the clip)."""
    count, frames = tracks.count, tracks.num_frames
    gap = max(1, round(_GAP * fps))
    seen = np.bincount(tracks.track, minlength=count)
    long = seen >= min(max(round(fps), 3), max(3, frames // 3))
    if long.sum() < 8:
        return Parts(0.0, 0.0, np.nan)
    low, high = np.full((count, 2), np.inf), np.full((count, 2), -np.inf)
    np.minimum.at(low, tracks.track, tracks.xy)
    np.maximum.at(high, tracks.track, tracks.xy)
    moved = np.where(long[:, None], high - low, 0.0).max(1) / tracks.unit
    rows = long[tracks.track]
    cell = (tracks.xy[rows] / np.array(tracks.size) * _CELLS).astype(int).clip(0, _CELLS - 1)
    at = cell[:, 0] * _CELLS + cell[:, 1]
    held = np.bincount(at, minlength=_CELLS**2)
    still = np.bincount(at, moved[tracks.track[rows]] < _STILL, minlength=_CELLS**2)
    cells = held > 0
    share = float((still[cells] > 0.5 * held[cells]).mean())
    moving = long & (moved >= _STILL)
    flow = float(np.median(moved[moving] / seen[moving]) * gap) if moving.any() else 0.0
    stands = np.where(cells, still > 0.5 * held, -1).reshape(_CELLS, _CELLS).astype(np.int64)
    return Parts(share, flow, _slowest_foot(observations, gap) / tracks.unit, stands)


def astray(tracks: Tracks, R: Array, focal: float, fps: float) -> float:
    """Share of the image's cells whose background moves in another way than the rotations ``R`` [T 3 3] say, in 0.2
    s: by a third of the flow at least."""
    gap, frames = max(1, round(_GAP * fps)), tracks.num_frames
    shared = share(tracks, [(i, i + gap) for i in range(0, frames - gap, max(1, gap // 2))])
    if not len(shared.pairs):
        return 0.0
    i, j = shared.pairs.T
    error = residuals(shared, R[j] @ R[i].swapaxes(-1, -2), focal)
    strays = error > np.maximum(_ASTRAY * shared.flow()[shared.pair], 2 * _NOISE * tracks.unit)
    cell = ((shared.first / np.array(tracks.size) + 0.5) * _CELLS).astype(int).clip(0, _CELLS - 1)
    at = cell[:, 0] * _CELLS + cell[:, 1]
    held, out = np.bincount(at, minlength=_CELLS**2), np.bincount(at, strays, minlength=_CELLS**2)
    return float((out[held > 0] > 0.5 * held[held > 0]).mean())


def _slowest_foot(observations: Observations, gap: int) -> float:
    """Px that the slower foot moves in ``gap`` frames: the lower quartile over the clip."""
    names = LAYOUTS[observations.layout]
    points = observations.keypoints.double().numpy()
    steps = []
    for side in ("left", "right"):
        some = [names.index(f"{side}_{part}") for part in ("ankle", "heel", "foot_index") if f"{side}_{part}" in names]
        there = (points[:, some, 2] > _CONFIDENT).all(1) & observations.valid.numpy()
        middle = np.where(there[:, None], points[:, some, :2].mean(1), np.nan)
        steps.append(np.linalg.norm(middle[gap:] - middle[:-gap], axis=-1))
    both = np.stack(steps) if steps and len(steps[0]) else np.full((2, 1), np.nan)
    known = np.isfinite(both).all(0)
    return float(np.quantile(both[:, known].min(0), 0.25)) if known.sum() >= 5 else np.nan
