"""Initial metric scale of a moving camera's path: the ground at the person's feet is as far away as the person.

Images alone do not show size; the person does, approximately: a torso is about half a metre long. Background points in
the image rows of a standing foot are on the same ground, so their depth, in the path's unit, equals the person's depth
in metres. Accurate to about 20 %; the solver's scale starts from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from diffopt_core.data.skeleton import LAYOUTS
from diffopt_core.types import Clip, Observations, Unit

from .odometry import Odometry
from .tracks import Tracks
from .wahba import Array

#: Mid-shoulder to mid-hip distance of an adult, m.
TORSO = 0.5
_CONFIDENT = 0.4
_FEWEST = 10  # frames


@dataclass(frozen=True)
class Scale:
    """``metres`` of one unit of the path; ``spread``: relative, between frames (half the interquartile range)."""

    metres: float
    spread: float
    frames: int

    def said(self) -> str:
        return f"the ground at the feet in {self.frames} frames, a torso taken as {TORSO} m"


def in_rough_metres(
    clip: Clip, observations: Observations, tracks: Tracks, path: Odometry, focal: float
) -> tuple[Array, Unit, dict[str, str | float]]:
    """``t`` [T 3] in approximate metres, the unit, and facts on the estimate; ``t`` unchanged if there is no
    estimate."""
    found = ground_scale(clip, observations, tracks, path, focal)
    if found is None:
        return path.t, "arbitrary", {"scale_from": "unknown: no person beside points on the ground"}
    said: dict[str, str | float] = {"scale_from": found.said(), "scale_spread": round(found.spread, 3)}
    return path.t * found.metres, "guess", said


def ground_scale(clip: Clip, observations: Observations, tracks: Tracks, path: Odometry, focal: float) -> Scale | None:
    """The scale; None if fewer than 10 frames show a person and points on the ground beside the feet."""
    person = _person(observations, focal)
    if person is None or len(person[0]) != tracks.num_frames:
        return None
    depth, foot, torso = person
    frame = tracks.frame
    at = np.einsum("mij,mj->mi", path.R[frame], path.X[tracks.track]) + path.t[frame]
    beside = np.abs(tracks.xy - foot[frame]) < torso[frame, None] * np.array([6.0, 0.25])
    rows = beside.all(-1) & path.known[tracks.track] & path.solved[frame] & (at[:, 2] > 0)
    ratios = []
    for number in np.unique(frame[rows]):
        here = np.flatnonzero(rows[tracks.start[number] : tracks.start[number + 1]])
        if len(here) >= 3:
            ratios.append(depth[number] / np.median(at[tracks.start[number] + here, 2]))
    if len(ratios) < _FEWEST:
        return None
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    return Scale(float(middle), float((high - low) / 2 / middle), len(ratios))


def _person(observations: Observations, focal: float) -> tuple[Array, Array, Array] | None:
    """Depth [T] m, the lower foot [T 2] px and the length of the torso [T] px; NaN where not visible."""
    names = LAYOUTS[observations.layout]
    points = observations.keypoints.double().numpy()
    seen = (points[..., 2] > _CONFIDENT) & observations.valid.numpy()[:, None]
    xy = np.where(seen[..., None], points[..., :2], np.nan)

    def middle(part: str) -> Array:
        return np.asarray((xy[:, names.index(f"left_{part}")] + xy[:, names.index(f"right_{part}")]) / 2)

    feet = xy[:, [names.index("left_ankle"), names.index("right_ankle")]]
    heights = np.where(np.isfinite(feet[..., 1]), feet[..., 1], -np.inf)
    foot = feet[np.arange(len(feet)), heights.argmax(1)]
    torso = np.linalg.norm(middle("shoulder") - middle("hip"), axis=-1)
    if not np.isfinite(torso).any():
        return None
    return focal * TORSO / np.maximum(torso, 1.0), foot, torso
