"""People in 2D: linking detections to tracks, and choosing the person of a clip."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffopt_core.errors import BadInput
from diffopt_core.types import Clip, Observations
from diffopt_formats.frames import rows_at, source_frames

_log = logging.getLogger(__name__)
#: A detection continues a track whose last box it overlaps by this much (intersection over union) …
OVERLAP = 0.3
#: … if that box is at most this many frames old.
PATIENCE = 15
#: Approximate maximum of SimCC (RTMPose) scores, which are not normalised.
_SCORE = 20.0
#: Largest number of other tracks named in a notice.
_NAMED = 4


@dataclass(frozen=True)
class Track:
    """One person: ``frames`` (n, increasing) count in the source, ``keypoints`` n J 3 are x px, y px, confidence."""

    name: str
    frames: np.ndarray
    keypoints: np.ndarray


@dataclass(frozen=True)
class Detections:
    """All people of all frames: ``frames`` n (not decreasing), ``keypoints`` n J 3, ``boxes`` n 4 (x0 y0 x1 y1, px)."""

    frames: np.ndarray
    keypoints: np.ndarray
    boxes: np.ndarray


def boxes_of(keypoints: np.ndarray, least: float = 0.05) -> np.ndarray:
    """Smallest boxes ``[n 4]`` around the keypoints ``[n J 3]`` with confidence over ``least``; NaN without any."""
    return tight_boxes(keypoints[..., :2], keypoints[..., 2] > least)


def tight_boxes(points: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Smallest boxes ``[n 4]`` around those of the points ``[n J 2]`` that are ``seen [n J]``; NaN without any."""
    low = np.where(seen[..., None], points, np.inf).min(1)
    high = np.where(seen[..., None], points, -np.inf).max(1)
    return np.where(seen.any(1, keepdims=True), np.concatenate([low, high], -1), np.nan)


def link(people: Detections) -> list[Track]:
    """Tracks from detections without identities, by the overlap of boxes from frame to frame."""
    from scipy.optimize import linear_sum_assignment

    members: list[list[int]] = []
    for frame in np.unique(people.frames):
        rows = np.flatnonzero(people.frames == frame)
        open_ = [m for m in members if frame - people.frames[m[-1]] <= PATIENCE]
        taken: set[int] = set()
        if open_:
            overlap = _overlap(people.boxes[[m[-1] for m in open_]], people.boxes[rows])
            for a, b in zip(*linear_sum_assignment(overlap, maximize=True), strict=True):
                if overlap[a, b] >= OVERLAP:
                    open_[a].append(int(rows[b]))
                    taken.add(int(b))
        members += [[int(row)] for i, row in enumerate(rows) if i not in taken]
    return [Track(str(i), people.frames[m], people.keypoints[m]) for i, m in enumerate(members)]


def _overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes, ``[n m]``; 0 for an invalid box."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = (high - low).clip(0).prod(-1)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(-1), (b[:, 2:] - b[:, :2]).prod(-1)
    return np.nan_to_num(both / np.maximum(area_a[:, None] + area_b[None] - both, 1e-9))


def choose(tracks: Sequence[Track], clip: Clip, path: Path | str) -> tuple[Track, dict[str, Any]]:
    """The track that ``clip.person`` names, and its ``facts["person"]``.

    ``largest`` has the largest total size over the clip, ``longest`` the most frames; anything else is a track's name.
    Only the clip's frames count. Raises BadInput without people, or without a track of that name.
    """
    wanted = np.unique(source_frames(clip))
    rows = {track.name: np.isin(track.frames, wanted) for track in tracks}
    seen = {track.name: int(rows[track.name].sum()) for track in tracks}
    there = [track for track in tracks if seen[track.name]]
    if not there:
        raise BadInput(path, "people", "no person is found in the frames of this clip")
    if clip.person == "longest":
        chosen = max(there, key=lambda track: seen[track.name])
    elif clip.person == "largest":
        chosen = max(there, key=lambda track: _size(track.keypoints[rows[track.name]]))
    else:
        named = [track for track in there if track.name == clip.person]
        if not named:
            known = ", ".join(f"{track.name} ({seen[track.name]} frames)" for track in there[: 5 * _NAMED])
            raise BadInput(
                path, "person", f"no track is named '{clip.person}'; expected one of {known}, largest or longest"
            )
        chosen = named[0]
    if len(there) > 1 and chosen.name != clip.person:
        rest = sorted((t for t in there if t is not chosen), key=lambda t: -seen[t.name])
        others = ", ".join(f"{t.name} ({seen[t.name]} frames)" for t in rest[:_NAMED]) + ("…" if rest[_NAMED:] else "")
        _log.warning(
            "%s: %d people; '%s' is taken (%s, %d of %d frames), not %s",
            path, len(there), chosen.name, clip.person, seen[chosen.name], len(wanted), others,
        )  # fmt: skip
    return chosen, {"id": chosen.name, "by": clip.person, "among": {t.name: seen[t.name] for t in there}}


def _size(keypoints: np.ndarray) -> float:
    boxes = boxes_of(keypoints)
    return float(np.nansum((boxes[:, 2:] - boxes[:, :2]).prod(-1)))


def observations_of(track: Track, clip: Clip, layout: str, facts: dict[str, Any]) -> Observations:
    """The clip's frames of a track. A frame without the person has confidence 0 and is not ``valid``."""
    at, found = rows_at(track.frames, source_frames(clip))
    keypoints = np.where(found[:, None, None], track.keypoints[at], 0.0)
    found &= (keypoints[..., 2] > 0).any(1)
    keypoints = np.where(keypoints[..., 2:] > 0, keypoints, 0.0)
    return Observations(torch.from_numpy(keypoints).float(), layout, torch.from_numpy(found), facts=facts)


def check_keypoints(keypoints: np.ndarray, joints: int, path: Path, key: str) -> np.ndarray:
    """``[n joints 3]`` in px with confidence in [0, 1], float64; coordinates of absent points (confidence 0) are
    ignored.

    Raises BadInput for another shape, for values that are not finite, or not in pixels.
    """
    points = np.asarray(keypoints)
    if points.dtype.kind not in "fiu" or points.ndim != 3 or points.shape[1:] != (joints, 3):
        what = f"shape {points.shape}" if points.dtype.kind in "fiu" else f"{points.dtype} values"
        raise BadInput(path, key, f"{what}, expected (people or frames, {joints}, 3): x px, y px, confidence")
    points = points.astype(np.float64)
    points[~(points[..., 2] > 0)] = 0.0  # some programs write NaN for an absent point
    if not np.isfinite(points).all():
        raise BadInput(path, key, f"{int((~np.isfinite(points)).sum())} values are not finite")
    best = points[..., 2].max(initial=0.0)
    if best > 1.5:
        if best > _SCORE:
            raise BadInput(path, key, f"confidence up to {best:.3g}, expected [0, 1]")
        _log.warning(f"{path}: {key}: scores up to {best:.3g}, as RTMPose's; those above 1 are set to 1")
    seen = points[points[..., 2] > 0]
    if len(seen) and np.abs(seen[:, :2]).max() <= 2.0:
        raise BadInput(path, key, "all points are within 2 px of the corner; expected pixels of the full image")
    points[..., 2] = points[..., 2].clip(0.0, 1.0)
    return points


#: Padding of boxes, because a body extends beyond its joints.
PADDING = 1.2


def boxes_around(observations: Observations, least: float = 0.3) -> np.ndarray:
    """``[T 4]`` around the keypoints of confidence over ``least``, padded; NaN in frames without the person."""
    points = observations.keypoints.detach().cpu().double().numpy()
    boxes = boxes_of(points, least)
    boxes[~observations.valid.cpu().numpy()] = np.nan
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2 * PADDING
    half = np.maximum(half, 4.0)
    return np.concatenate([centre - half, centre + half], -1)
