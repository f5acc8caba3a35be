"""The focal length: told, estimated from a turning camera, or assumed, and always said which.

A camera that only turns maps one image onto another by ``K R K^-1``; how much points near the edge travel more than
those in the middle tells the focal length (Hartley 1994). A short follow shot of a camera that moves does not: there
a wrong focal length is made up for by depth, so none is estimated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from diffopt_core.types import Clip

from .tracks import Tracks
from .wahba import Array, Shared, angle, pair_rotations, residuals, share

#: Focal length over the longer side where nothing is known: a phone's main camera when it films (about 61 degrees).
ASSUMED = 0.85
#: Relative error of that guess: action cameras lie near 0.55, short telephoto lenses near 1.3.
ASSUMED_SPREAD = 0.3
#: No estimate is called better than this, relatively: lens distortion is not modelled.
_FLOOR = 0.005
#: An estimate that may be worse than this, relatively, is not used.
_CEILING = 0.1
_RANGE = (0.35, 4.0)


@dataclass(frozen=True)
class Focal:
    """``pixels``: focal length, px of the full image; ``said``: where from, in words; ``sure``: not merely assumed.
    ``spread``: relative standard error, None where it was told."""

    pixels: float
    said: str
    sure: bool
    spread: float | None = None


@dataclass(frozen=True)
class Calibration:
    """Estimate from a turning camera. ``angle``: rad, the largest turn between the frames used. ``residual``: px."""

    pixels: float
    spread: float
    angle: float
    residual: float
    flow: float

    def facts(self) -> dict[str, float]:
        return {
            "focal_px": round(self.pixels, 1),
            "relative_error": round(self.spread, 4),
            "turn_deg": round(float(np.degrees(self.angle)), 2),
        }


def told(clip: Clip) -> Focal | None:
    """What the user, the file's metadata or a camera in the file say."""
    if clip.focal is not None:
        return Focal(clip.focal, f"{clip.focal:.1f} px, {clip.focal_from or 'given with the clip'}", True)
    if clip.camera is not None:
        pixels = float(clip.camera.focal.mean())
        return Focal(pixels, f"{pixels:.1f} px, the camera in the clip's own file", True)
    return None


def assumed(clip: Clip, why: str) -> Focal:
    """The guess of last resort."""
    pixels = ASSUMED * max(clip.size)
    said = f"assumed {pixels:.0f} px ({ASSUMED} of the longer side, may be off by {ASSUMED_SPREAD:.0%}): {why}"
    return Focal(pixels, said, False, ASSUMED_SPREAD)


def choose(clip: Clip, tracks: Tracks, seed: int) -> tuple[Focal, dict[str, float]]:
    """Told, else estimated where the camera only turns and the estimate is good to a tenth, else assumed.

    Also the facts on the estimate (empty without one).
    """
    known = told(clip)
    if known is not None:
        return known, {}
    found = calibrate(tracks, seed=seed)
    if found is None:
        return assumed(clip, "the camera does not turn enough, or also moves; --focal sets it"), {}
    if found.residual > max(0.5, 0.02 * found.flow) or found.spread > _CEILING:
        why = "the images do not show it (the camera does not just turn); --focal sets it"
        return assumed(clip, why), found.facts()
    turned = np.degrees(found.angle)
    said = f"estimated {found.pixels:.0f} px +- {found.spread:.1%} from {turned:.1f} degrees of turning"
    return Focal(found.pixels, said, True, found.spread), found.facts()


def calibrate(tracks: Tracks, least_turn: float = np.radians(2.0), seed: int = 0) -> Calibration | None:
    """Focal length at which rotations explain the tracks best; None where the camera turns too little to tell.

    Fitted over pairs of frames as far apart as tracks last. The error is by resampling regions of the image: tracks
    side by side err together.
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
    for _ in range(4):  # each round shrinks the bracket to a third or so about the minimum
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
    """Pairs as far apart as ``fewest`` tracks last: those half of them between which points travel most."""
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
