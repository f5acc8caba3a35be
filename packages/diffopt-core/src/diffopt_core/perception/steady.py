"""Evidence that time contradicts, mended at one place: sides exchanged, bodies that face the wrong way, nonsense.

What can be undone is undone; frames that fit nothing are not seen. Each is named, in a notice and in ``facts``.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..types import CameraFrameBody, Clip, Observations
from . import facing, sides

log = logging.getLogger(__name__)
#: A frame is nonsense if half of the points jump by this much about their middle, m and m/s, and back within a second.
_JUMP, _SPEED, _LONGEST = 0.2, 8.0, 1.0
#: Time, s, whose motion may lie between the frames before and after it.
_SOON = 0.04
#: Least number of points by which two frames are compared.
_LEAST = 6
_SHOWN = 4


def mended(clip: Clip, seen: Observations, rest: Tensor) -> tuple[Clip, Observations]:
    """A clip whose own first poses (if it has some) keep their facing, and keypoints on their own side, by these poses
    too. ``rest``: the skeleton ``[24 3]`` of the poses, m."""
    posed = None
    if clip.body is not None and len(clip.body.global_orient) == clip.num_frames:
        body = faced(clip.body, rest, clip)
        clip = clip if body is clip.body else replace(clip, body=body)
        posed = facing.joints_of(facing.pose_of(body), rest).numpy().astype(float)
    found, frames = sides.in_place(seen, clip.fps, posed)
    if frames:
        parts = ", ".join(found.facts["sides_exchanged"])
        log.warning("%s: left and right are exchanged in frames %s (%s); undone", clip.name, spans(frames), parts)
    if unsure := found.facts.get("sides_undecided"):
        doubt = f"left and right of the whole body change in frames {spans(unsure)}, or in all others"
        log.warning("%s: %s: nothing tells which; the result is marked as not trusted", clip.name, doubt)
        clip = replace(clip, doubts=(*clip.doubts, doubt))
    nonsense = np.flatnonzero(lost(found, clip.fps)).tolist()
    if nonsense:
        log.warning("%s: the keypoints of frames %s fit nothing before and after; not used", clip.name, spans(nonsense))
        keep = torch.ones(len(found.valid), dtype=torch.bool)
        keep[nonsense] = False
        landmarks = None if found.landmarks is None else found.landmarks * keep[:, None, None]
        found = replace(
            found, keypoints=found.keypoints * keep[:, None, None], landmarks=landmarks, valid=found.valid & keep,
            facts={**found.facts, "nonsense": nonsense},
        )  # fmt: skip
    return clip, found


def faced(body: CameraFrameBody, rest: Tensor, clip: Clip) -> CameraFrameBody:
    """First poses that keep their facing."""
    found, frames = facing.in_place(body, rest, clip.fps)
    if frames:
        log.warning("%s: the first poses face the wrong way in frames %s; undone", clip.name, spans(frames))
    return found


def lost(seen: Observations, fps: float) -> np.ndarray:
    """Mask ``[T]`` of frames in which most points are somewhere else than before and after."""
    frames = np.flatnonzero(seen.valid.cpu().numpy())
    out = np.zeros(len(seen.valid), bool)
    if len(frames) < 3:
        return out
    points = seen.keypoints.cpu().numpy().astype(float)[frames]
    scale = sides.HEIGHT / sides.extent(points)
    there = np.where(points[..., 2:] > sides.SEEN, points[..., :2], np.nan) * scale[:, None, None]
    start = 1
    while start < len(frames):
        if _jumps(there[start - 1], there[start], (frames[start] - frames[start - 1]) / fps):
            for end in range(start + 1, len(frames)):
                time = (frames[end] - frames[start - 1]) / fps
                if time > _LONGEST + 2 / fps:
                    break
                back = _jumps(there[end - 1], there[end], (frames[end] - frames[end - 1]) / fps)
                if back and not _jumps(there[start - 1], there[end], _SOON):
                    out[frames[start:end]] = True
                    start = end
                    break
        start += 1
    return out


def _jumps(first: np.ndarray, second: np.ndarray, time: float) -> bool:
    """Whether half of the points that both frames have, m, are elsewhere about their middle."""
    both = np.isfinite(first[:, 0]) & np.isfinite(second[:, 0])
    if both.sum() < _LEAST:
        return False
    moved = second[both] - first[both]
    far = np.linalg.norm(moved - np.median(moved, axis=0), axis=-1)
    return bool(np.median(far) > max(_JUMP, _SPEED * time))


def spans(frames: Sequence[int]) -> str:
    """Frames as text, runs as ``50 to 54``."""
    runs = np.split(np.array(frames), np.flatnonzero(np.diff(frames) > 1) + 1)
    shown = [f"{run[0]} to {run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs]
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + more
