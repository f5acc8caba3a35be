"""Odometry on tracks: key frames are solved outwards from the best pair and bundle-adjusted, then all frames. Positions
have an arbitrary scale, as one camera does not show size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from diffopt_core.common.progress import track as progress
from numpy.typing import NDArray

from ..tracks import Tracks
from .bundle import adjust
from .model import Array, Model, Views, errors
from .points import FEWEST, parallax, resect, triangulate
from .two_view import Pair, first_pair

_LEAST = np.radians(1.0)
_CLOSE = 3.0


@dataclass(frozen=True)
class OdometryEvidence:
    """Quality of the path: ``points`` triangulated, ``angle`` rad (median parallax), ``first_angle`` rad (of the first
    pair), ``residual`` px at 960 (median), ``registered``: share of the frames with a pose of their own."""

    points: int
    angle: float
    first_angle: float
    residual: float
    registered: float
    key_frames: int

    def facts(self) -> dict[str, float | int]:
        return {
            "points": self.points,
            "parallax_deg": round(float(np.degrees(self.angle)), 2),
            "first_pair_deg": round(float(np.degrees(self.first_angle)), 2),
            "residual_px": round(self.residual, 3) if np.isfinite(self.residual) else -1.0,
            "registered": round(self.registered, 3),
            "key_frames": self.key_frames,
        }


@dataclass(frozen=True)
class Odometry:
    """``R`` [T 3 3], ``t`` [T 3], world to camera, for the frames with ``solved`` [T]. ``X`` [N 3]: points of the
    tracks with ``known`` [N], in the same world."""

    R: Array
    t: Array
    solved: NDArray[np.bool_]
    X: Array
    known: NDArray[np.bool_]
    evidence: OdometryEvidence


def views_of(tracks: Tracks, focal: float) -> Views:
    return Views(tracks.frame, tracks.track, tracks.xy - np.array(tracks.size) / 2, focal, tracks.unit)


def key_frames(tracks: Tracks, travel: float = 8.0, kept: float = 0.6, at_most: int = 30) -> list[int]:
    """Frames in which points have moved by ``travel`` px (at 960), or fewer than ``kept`` of them remain."""
    frames = [0]
    for n in range(1, tracks.num_frames):
        a, b = tracks.common(frames[-1], n)
        had = tracks.start[frames[-1] + 1] - tracks.start[frames[-1]]
        travelled = np.median(np.abs(tracks.xy[a] - tracks.xy[b]).max(-1)) / tracks.unit if len(a) else np.inf
        if travelled > travel or len(a) < kept * had or n - frames[-1] >= at_most:
            frames.append(n)
    if frames[-1] != tracks.num_frames - 1:
        frames.append(tracks.num_frames - 1)
    return frames


def odometry(tracks: Tracks, focal: float, seed: int = 0) -> Odometry | None:
    """Path of the camera; None if no two frames form a first pair. The caller judges the evidence."""
    keys = key_frames(tracks)
    few = tracks.at_frames(keys)
    pair = first_pair(few, focal, seed)
    if pair is None:
        return None
    views = views_of(few, focal)
    model = _start(few, views, pair)
    model = _grow(model, views, pair)
    model = _polish(model, views)
    return all_frames(tracks, model, keys, focal, pair.angle)


def _start(tracks: Tracks, views: Views, pair: Pair) -> Model:
    """Two cameras and the points that both see."""
    frames, points = tracks.num_frames, tracks.count
    R, t = np.broadcast_to(np.eye(3), (frames, 3, 3)).copy(), np.zeros((frames, 3))
    R[pair.second], t[pair.second] = pair.R, pair.t
    posed = np.isin(np.arange(frames), (pair.first, pair.second))
    model = Model(R, t, posed, np.zeros((points, 3)), np.zeros(points, bool))
    model = triangulate(model, views, _LEAST, _CLOSE, np.ones(points, bool))
    return adjust(model, views)


def _grow(model: Model, views: Views, pair: Pair) -> Model:
    """Pose the other key frames, those that see most points first; triangulate and adjust as the model grows."""
    frames = len(model.R)
    tried = np.zeros(frames, bool)
    adjusted = 2
    with progress("camera: odometry", frames) as update:
        while True:
            seen = np.bincount(views.camera[model.known[views.point]], minlength=frames)
            open_ = ~model.posed & ~tried & (seen >= FEWEST)
            if not open_.any():
                break
            solved = np.flatnonzero(model.posed)
            near_of = _nearest(solved, frames)
            gap = np.maximum(np.abs(near_of - np.arange(frames)), 1)
            number = int(np.argmax(np.where(open_, seen / gap, -1)))
            near = int(near_of[number])
            model.R[number], model.t[number] = model.R[near], model.t[near]
            model, good = resect(model, views, np.arange(frames) == number)
            if not good[number]:
                tried[number] = True
                continue
            tried[:] = False
            posed = model.posed.copy()
            posed[number] = True
            model = triangulate(replace(model, posed=posed), views, _LEAST, _CLOSE, ~model.known)
            if posed.sum() >= 1.4 * adjusted:
                model, adjusted = adjust(model, views, rounds=3), int(posed.sum())
            update(int(posed.sum()))
    return model


def _nearest(some: NDArray[np.int64], frames: int) -> NDArray[np.int64]:
    """For each of ``frames`` numbers the nearest of ``some`` (rising)."""
    return some[np.searchsorted((some[1:] + some[:-1]) / 2, np.arange(frames))]


def _polish(model: Model, views: Views) -> Model:
    """Adjust all; points that do not fit are dropped, all are triangulated again from the better cameras."""
    for _ in range(2):
        model = adjust(model, views, rounds=6)
        model = triangulate(model, views, _LEAST, _CLOSE, ~model.known | _misfits(model, views))
    return adjust(model, views, rounds=8)


def _misfits(model: Model, views: Views) -> NDArray[np.bool_]:
    """Points [N] with a median error above 3 px (at 960)."""
    mine = views.only(model.used(views))
    count = np.bincount(mine.point, minlength=len(model.X))
    far = np.bincount(mine.point, errors(model, mine) > _CLOSE, minlength=len(model.X))
    return model.known & (far > 0.3 * count)


def all_frames(
    tracks: Tracks, model: Model, keys: Sequence[int] | NDArray[np.int64], focal: float, first_angle: float | None
) -> Odometry:
    """Every frame's pose from the points of the key frames, started at the nearest key frame. Without a first pair
    (another mapper), the median parallax is used as its angle.
    """
    frames, points = tracks.num_frames, tracks.count
    views = views_of(tracks, focal)
    # tracks that no key frame saw come after those that one did
    more = points - len(model.X)
    model = replace(model, X=np.pad(model.X, ((0, more), (0, 0))), known=np.pad(model.known, (0, more)))
    posed = np.asarray(keys)[model.posed]
    place = np.flatnonzero(model.posed)
    nearest = place[np.searchsorted(posed, _nearest(posed, frames))]
    full = Model(model.R[nearest], model.t[nearest], np.ones(frames, bool), model.X, model.known)
    full, solved = resect(full, views, np.ones(frames, bool))
    full = replace(full, posed=solved)
    mine = views.only(full.used(views))
    residual = float(np.median(errors(full, mine))) if len(mine.point) else np.inf
    wide = parallax(full, mine, points)[model.known] if len(mine.point) else np.zeros(1)
    angle = float(np.median(wide)) if len(wide) else 0.0
    evidence = OdometryEvidence(
        points=int(model.known.sum()),
        angle=angle,
        first_angle=angle if first_angle is None else first_angle,
        residual=residual,
        registered=float(solved.mean()),
        key_frames=len(keys),
    )
    return Odometry(full.R, full.t, solved, full.X, full.known, evidence)
