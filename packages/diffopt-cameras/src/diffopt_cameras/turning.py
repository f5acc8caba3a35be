"""The focal length from a camera that turns.

It maps one image to another by ``K R K^-1``; the extra motion of points near the edge compared to the centre determines
the focal length (Hartley 1994). A short shot of a moving camera does not: depth makes up for a wrong focal length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .tracks import Tracks
from .wahba import Array, Shared, angle, pair_rotations, residuals, share

#: Smallest relative error ever reported: lens distortion is not modelled.
_FLOOR = 0.005
#: Residual of the rotation, px at 960, and as a share of the flow, up to which the estimate's own error holds; then the
#: error grows with the square.
_FITS, _FITS_SHARE = 0.5, 0.02
_RANGE = (0.35, 4.0)


@dataclass(frozen=True)
class Calibration:
    """Estimate from a turning camera. ``angle``: rad, the largest rotation between the frames used. ``residual``:
    px."""

    pixels: float
    spread: float
    angle: float
    residual: float
    flow: float

    @property
    def error(self) -> float:
        """Relative error, also of a camera that does not only turn."""
        return self.spread * max(1.0, self.residual / max(_FITS, _FITS_SHARE * self.flow)) ** 2

    def facts(self) -> dict[str, float]:
        return {
            "focal_px": round(self.pixels, 1),
            "relative_error": round(self.error, 4),
            "turn_deg": round(float(np.degrees(self.angle)), 2),
        }


def calibrate(tracks: Tracks, least_turn: float = np.radians(2.0), seed: int = 0) -> Calibration | None:
    """Focal length at which rotations explain the tracks best; None if the camera rotates too little.

    Fitted over pairs of frames as far apart as tracks last. The error is found by resampling regions of the image, as
    errors of neighbouring tracks are correlated.
    """
    shared = _far_pairs(tracks)
    if shared is None:
        return None
    longest = max(tracks.size)
    grid = np.geomspace(*_RANGE, 21) * longest
    coarse = np.array([_costs(tracks, shared, f)[0].sum() for f in grid])
    best = int(coarse.argmin())
    if best in (0, len(grid) - 1):
        return None
    low, high = np.log(grid[best - 1]), np.log(grid[best + 1])
    for _ in range(4):  # each round shrinks the bracket around the minimum to about a third
        fine = np.linspace(low, high, 7)
        cost = np.array([_costs(tracks, shared, f)[0].sum() for f in np.exp(fine)])
        middle = int(np.clip(cost.argmin(), 1, 5))
        low, high = fine[middle - 1], fine[middle + 1]
    centre = (low + high) / 2
    fine = centre + np.linspace(-0.03, 0.03, 7)
    columns = np.stack([_costs(tracks, shared, f)[0] for f in np.exp(fine)], -1)
    spread = _resampled(columns, shared, tracks, fine, seed)
    at, curvature = _vertex(fine, columns.sum(0))
    if curvature <= 0 or not fine[0] <= at <= fine[-1]:
        return None
    focal = float(np.exp(at))
    _, rotations = _costs(tracks, shared, focal)
    turn = float(angle(rotations).max())
    if turn < least_turn:
        return None
    error = shared.median(residuals(shared, rotations, focal))
    return Calibration(
        focal,
        float(np.hypot(spread, _FLOOR)),
        turn,
        float(np.median(error)) / tracks.unit,
        float(np.median(shared.flow())) / tracks.unit,
    )


def _far_pairs(tracks: Tracks, starts: int = 16, fewest: int = 60) -> Shared | None:
    """Pairs as far apart as ``fewest`` tracks last; of these, the half with the largest flow."""
    pairs = []
    for i in np.unique(np.linspace(0, tracks.num_frames - 2, starts).astype(int)):
        low, high = 1, tracks.num_frames - 1 - int(i)
        while low < high:
            middle = (low + high + 1) // 2
            enough = len(tracks.common(int(i), int(i) + middle)[0]) >= fewest
            low, high = (middle, high) if enough else (low, middle - 1)
        pairs += [(int(i), int(i) + low), (int(i), int(i) + max(1, low // 2))]
    shared = share(tracks, sorted({p for p in pairs if p[1] < tracks.num_frames}), fewest)
    if not len(shared.pairs):
        return None
    flow = shared.flow()
    far = flow >= np.median(flow)
    return shared.pick(np.flatnonzero(far[shared.pair]))


def _costs(tracks: Tracks, shared: Shared, focal: float) -> tuple[Array, Array]:
    """Robust cost of each row and the rotation of each pair, at one focal length."""
    rotations, error = pair_rotations(shared, focal, tracks.unit)
    squared = (error / (2 * tracks.unit)) ** 2
    return squared / (1 + squared), rotations


def _resampled(columns: Array, shared: Shared, tracks: Tracks, fine: Array, seed: int, rounds: int = 200) -> float:
    """Standard deviation of the minimum when regions of the image (6 x 6) are drawn with replacement."""
    cell = ((shared.first / np.array(tracks.size) + 0.5) * 6).astype(int).clip(0, 5)
    region = cell[:, 0] * 6 + cell[:, 1]
    sums = np.stack([np.bincount(region, columns[:, k], minlength=36) for k in range(len(fine))], -1)
    sums = sums[np.bincount(region, minlength=36) > 0]
    draws = np.random.default_rng(seed).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=rounds)
    found = []
    for cost in draws @ sums:
        at, curvature = _vertex(fine, cost)
        found.append(at if curvature > 0 else np.inf)
    kept = np.clip(np.array(found), fine[0] - 1, fine[-1] + 1)
    return float(kept.std())


def _vertex(x: Array, y: Array) -> tuple[float, float]:
    """Minimum of the parabola through points, and its curvature."""
    a, b, _ = np.polyfit(x - x.mean(), y, 2)
    return float(x.mean() - b / (2 * a if a else 1e-12)), float(a)
