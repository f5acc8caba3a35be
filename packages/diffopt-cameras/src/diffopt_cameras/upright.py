"""The vertical from straight lines in the images: walls, doors and trees point at one vanishing point.

Segments outside of people are turned into the world by the camera's rotation. The vertical is the direction that most
of their length agrees with, near to where the person's trunk or the image's own up says that it is: cameras are held
level, or people stand, and mostly both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from diffopt_core.data.skeleton import LAYOUTS
from diffopt_core.types import Observations

from .lines import IMAGES, Lines
from .wahba import Array

#: How far (rad, standard deviation) the vertical is from the trunk, and from the image's up: roll and pitch.
_TRUNK, _ROLL, _PITCH = 0.17, 0.10, 0.35
#: Farthest that it is looked for from either, rad.
_FARTHEST = 0.7
#: Fewest segments that have to agree, as a number of full weights; and how many more than in a direction by chance.
_FEWEST, _ABOVE, _SIGMAS = 5.0, 1.6, 5.0
#: What twice as many lines weigh, beside where the vertical is expected: this times log 2.
_POWER = 6.0
#: Smallest standard deviation ever reported, rad.
_FLOOR = 0.02
_CONFIDENT = 0.5


@dataclass(frozen=True)
class Upright:
    """``up``: unit vector in the camera's world. ``sd``: rad. ``lines``: segments that agree, of ``of``."""

    up: Array
    sd: float
    lines: int
    of: int

    def facts(self) -> dict[str, float | int]:
        return {"sd_deg": round(float(np.degrees(self.sd)), 2), "lines": self.lines, "of_lines": self.of}


def upright(
    lines: list[Lines], observations: Observations, R: Array, focal: Array, spread: float = 0.0
) -> Upright | None:
    """The vertical in the world of ``R`` [T 3 3] (world to camera); None where lines do not show it. ``focal`` [T] px,
    and its relative error: what the vertical moves by it is its error, too."""
    found = _upright(lines, observations, R, focal)
    if found is None or not spread:
        return found
    moved = [_upright(lines, observations, R, focal * float(np.exp(by))) for by in (-spread, spread)]
    by = [float(np.arccos(np.clip(other.up @ found.up, -1, 1))) for other in moved if other is not None]
    return replace(found, sd=float(np.hypot(found.sd, max(by, default=0.0))))


def _upright(lines: list[Lines], observations: Observations, R: Array, focal: Array) -> Upright | None:
    if not sum(len(one.ends) for one in lines):
        return None
    normals = np.concatenate([one.normals(focal[one.frame]) @ R[one.frame] for one in lines])
    return agreed(normals, np.concatenate([one.error for one in lines]), expected_up(observations, R))


def agreed(normals: Array, error: Array, expected: list[tuple[Array, Array]]) -> Upright | None:
    """The direction that is at right angles to most ``normals`` [N 3] of the segments' planes, to ``error`` [N] rad.
    ``expected``: directions and their precision [3 3], 1/rad^2."""
    if len(normals) < _FEWEST or (best := likeliest(normals, error, expected)) is None:
        return None
    weight = np.exp(-0.5 * (normals @ best / error) ** 2)
    scatter = np.einsum("n,ni,nj->ij", weight / error**2, normals, normals)
    usual = float(np.quantile(_support(_anywhere(expected), normals, error), 0.75))
    by_chance = max(_ABOVE * usual, usual + _SIGMAS * usual**0.5)
    if weight.sum() < max(_FEWEST, by_chance):
        return None
    spread = np.linalg.eigvalsh(scatter)[1]  # how well the lines fix the worse of both tilts
    # lines of one image repeat in the next ones: they are one measurement
    sd = float(np.hypot(_FLOOR, np.sqrt(IMAGES / max(spread, 1e-9))))
    return Upright(best, sd, int((weight > 0.6).sum()), len(normals)) if sd < 0.2 else None


def likeliest(
    normals: Array, error: Array, expected: list[tuple[Array, Array]], most: int = 150, rounds: int = 5
) -> Array | None:
    """The direction of :func:`agreed`, by ``most`` of the segments, whether or not enough of them agree."""
    candidates = _candidates(normals, error, expected, most)
    if not len(candidates):
        return None
    support = _support(candidates, normals, error)
    prior = np.max([_log_prior(candidates, *each) for each in expected], axis=0)
    best = candidates[int(np.argmax(_POWER * np.log(support + 1e-3 * len(normals)) + prior))]
    for _ in range(rounds):
        weight = np.exp(-0.5 * (normals @ best / error) ** 2)
        scatter = np.einsum("n,ni,nj->ij", weight / error**2, normals, normals)
        turned = np.linalg.eigh(scatter)[1][:, 0]
        best = turned * np.sign(turned @ best)
    return np.asarray(best)


def _candidates(normals: Array, error: Array, expected: list[tuple[Array, Array]], most: int) -> Array:
    """Where two segments meet, near an expected direction [K 3]."""
    some = normals[np.argsort(error)[:most]]
    i, j = np.triu_indices(len(some), 1)
    met = np.cross(some[i], some[j])
    size = np.linalg.norm(met, axis=-1)
    met = met[size > 0.03] / size[size > 0.03, None]
    every = [met * np.sign(met @ up)[:, None] for up, _ in expected]
    near = [each[each @ up > np.cos(_FARTHEST)] for each, (up, _) in zip(every, expected, strict=True)]
    return np.concatenate(near)


def _anywhere(expected: list[tuple[Array, Array]]) -> Array:
    """Directions [K 3] at random, near an expected one."""
    rng = np.random.default_rng(0)
    around = np.concatenate([up + np.tan(_FARTHEST) * rng.uniform(-1, 1, (200, 3)) for up, _ in expected])
    return np.asarray(around / np.linalg.norm(around, axis=-1, keepdims=True))


def _support(candidates: Array, normals: Array, error: Array) -> Array:
    total = np.zeros(len(candidates))
    for first in range(0, len(candidates), 2000):
        part = slice(first, first + 2000)
        total[part] = np.exp(-0.5 * (candidates[part] @ normals.T / error) ** 2).sum(1)
    return total


def _log_prior(candidates: Array, up: Array, precision: Array) -> Array:
    away = np.einsum("ki,ij,kj->k", candidates - up, precision, candidates - up)
    return np.asarray(-2 * np.log1p(away / 4))  # heavy tails: some cameras are rolled, some people bent


def expected_up(observations: Observations, R: Array) -> list[tuple[Array, Array]]:
    """Where the vertical may be, with its precision [3 3], 1/rad^2: the image's up, and the person's trunk."""
    across, along = R[:, 0], R[:, 2]
    up = -R[:, 1].mean(0)
    up /= np.linalg.norm(up)
    x, z = (np.einsum("ti,tj->ij", axis, axis) / len(R) for axis in (across, along))
    found = [(up, x / _ROLL**2 + z / _PITCH**2)]
    trunk = _trunk(observations)
    there = np.isfinite(trunk).all(-1)
    if there.sum() >= 3:
        mean = np.einsum("tji,tj->ti", R[there], trunk[there]).mean(0)
        size = float(np.linalg.norm(mean))
        if size > 0.8:  # else it turns over
            flat = observations.landmarks is None
            precision = (x / _TRUNK**2 + z / _PITCH**2) if flat else np.eye(3) / _TRUNK**2
            found.append((mean / size, precision))
    return found


def _trunk(observations: Observations) -> Array:
    """Unit vector from the hips to the shoulders in each frame's camera [T 3]; nan where not seen. From 2D keypoints it
    is parallel to the image."""
    flat = observations.landmarks is None
    names = LAYOUTS[observations.layout if flat else observations.landmark_layout or observations.layout]
    points = (observations.keypoints if flat else observations.landmarks).double().numpy()  # type: ignore[union-attr]
    if not {"left_hip", "right_hip", "left_shoulder", "right_shoulder"} <= set(names):
        return np.full((len(points), 3), np.nan)
    hip, shoulder = ([names.index(f"{side}_{part}") for side in ("left", "right")] for part in ("hip", "shoulder"))
    axis = points[:, shoulder, :3].mean(1) - points[:, hip, :3].mean(1)
    if flat:
        axis[:, 2] = 0
    seen = (points[:, hip + shoulder, -1] > _CONFIDENT).all(1) & observations.valid.numpy()
    size = np.linalg.norm(axis, axis=-1)
    return np.where((seen & (size > 1e-6))[:, None], axis / np.maximum(size, 1e-6)[:, None], np.nan)
