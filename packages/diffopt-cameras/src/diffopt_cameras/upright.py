"""The vertical from straight lines in the images: walls, doors and trees point at one vanishing point.

Segments (LSD, von Gioi et al. 2010) outside of people are turned into the world by the camera's rotation. The vertical
is the direction that most of their length agrees with, near to where the person's trunk or the image's own up says
that it is: cameras are held level, or people stand, and mostly both.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from diffopt_core.data.skeleton import LAYOUTS
from diffopt_core.perception.video import read_frames
from diffopt_core.types import Clip, Observations

from .tracks.mask import PersonMask, coarse_shape
from .wahba import Array

#: Images that are searched, their longest side, and the shortest segment, as a share of it.
_IMAGES, _LONGEST, _SHORTEST = 6, 960, 0.05
#: Error of a segment's direction, rad: of straight things that are not quite vertical, and px at its ends.
_STRAIGHT, _ENDS = 0.012, 0.7
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


def upright(clip: Clip, observations: Observations, R: Array, focal: Array) -> Upright | None:
    """The vertical in the world of ``R`` [T 3 3] (world to camera); None where lines do not show it. ``focal`` [T]
    px."""
    found = [_normals(*part, focal) for part in _segments(clip, observations)]
    if not found or not sum(len(rows) for rows, *_ in found):
        return None
    normals = np.concatenate([rows @ R[frame] for rows, frame, _ in found])
    error = np.concatenate([sd for *_, sd in found])
    return agreed(normals, error, _expected(observations, R))


def agreed(normals: Array, error: Array, expected: list[tuple[Array, Array]]) -> Upright | None:
    """The direction that is at right angles to most ``normals`` [N 3] of the segments' planes, to ``error`` [N] rad.
    ``expected``: directions and their precision [3 3], 1/rad^2."""
    if len(normals) < _FEWEST:
        return None
    candidates = _candidates(normals, error, expected)
    if not len(candidates):
        return None
    support = _support(candidates, normals, error)
    prior = np.max([_log_prior(candidates, *each) for each in expected], axis=0)
    best = candidates[int(np.argmax(_POWER * np.log(support + 1e-3 * len(normals)) + prior))]
    for _ in range(5):
        weight = np.exp(-0.5 * (normals @ best / error) ** 2)
        scatter = np.einsum("n,ni,nj->ij", weight / error**2, normals, normals)
        turned = np.linalg.eigh(scatter)[1][:, 0]
        best = turned * np.sign(turned @ best)
    weight = np.exp(-0.5 * (normals @ best / error) ** 2)
    usual = float(np.quantile(_support(_anywhere(expected), normals, error), 0.75))
    by_chance = max(_ABOVE * usual, usual + _SIGMAS * usual**0.5)
    if weight.sum() < max(_FEWEST, by_chance):
        return None
    spread = np.linalg.eigvalsh(scatter)[1]  # how well the lines fix the worse of both tilts
    # lines of one image repeat in the next ones: they are one measurement
    sd = float(np.hypot(_FLOOR, np.sqrt(_IMAGES / max(spread, 1e-9))))
    return Upright(best, sd, int((weight > 0.6).sum()), len(normals)) if sd < 0.2 else None


def _candidates(normals: Array, error: Array, expected: list[tuple[Array, Array]], most: int = 150) -> Array:
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


def _expected(observations: Observations, R: Array) -> list[tuple[Array, Array]]:
    """Where the vertical may be: the image's up, and the person's trunk."""
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


def _segments(clip: Clip, observations: Observations) -> list[tuple[Array, int, tuple[int, int], tuple[int, int]]]:
    """Segments [N 4] (x, y of both ends, px of the reduced image) outside of people, with their frame."""
    assert clip.video is not None
    wanted = set(np.unique(np.linspace(0, clip.num_frames - 1, _IMAGES).round().astype(int)).tolist())
    people, finder, out = PersonMask(observations, clip.size), cv2.createLineSegmentDetector(), []
    for number, image in enumerate(read_frames(clip.video, _LONGEST)):
        if number not in wanted:
            continue
        grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
        lines = finder.detect(grey)[0]
        if lines is None:
            continue
        rows = np.asarray(lines, np.float64).reshape(-1, 4)
        barred = people(number, coarse_shape(grey.shape))  # type: ignore[arg-type]
        middle = (rows[:, :2] + rows[:, 2:]) / 2 * np.array(barred.shape[::-1]) / np.array(grey.shape[::-1])
        x, y = middle.astype(int).T
        free = barred[y.clip(0, barred.shape[0] - 1), x.clip(0, barred.shape[1] - 1)] == 0
        long = np.hypot(*(rows[:, 2:] - rows[:, :2]).T) > _SHORTEST * max(grey.shape)
        out.append((rows[free & long], number, (grey.shape[1], grey.shape[0]), clip.size))
    return out


def _normals(
    rows: Array, frame: int, size: tuple[int, int], full: tuple[int, int], focal: Array
) -> tuple[Array, int, Array]:
    """Unit normals [N 3], in the camera, of the planes through it and each segment; the frame; errors [N] rad."""
    pixels = focal[frame] * max(size) / max(full)
    ends = (rows.reshape(-1, 2, 2) + 0.5 - np.array(size) / 2) / pixels
    rays = np.concatenate([ends, np.ones((*ends.shape[:2], 1))], -1)
    normal = np.cross(rays[:, 0], rays[:, 1])
    length = np.hypot(*(rows[:, 2:] - rows[:, :2]).T)
    error = np.hypot(_STRAIGHT, _ENDS / np.maximum(length, 1.0))
    return normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9), frame, error
