"""Which rows of a result file are the frames of a clip."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from diffopt_core.errors import BadInput
from diffopt_core.perception.video import probe
from diffopt_core.types import Clip

_log = logging.getLogger(__name__)


def source_frames(clip: Clip) -> np.ndarray:
    """Number in the source of each frame of the clip, ``[T]``; 0 … T-1 where the clip has no video."""
    return np.arange(clip.num_frames) if clip.video is None else np.array(clip.video.frames, dtype=np.int64)


def rows_at(frames: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row of rising ``frames`` for each wanted number, ``[T]``, and whether it has one (else the row is void)."""
    rows = np.searchsorted(frames, wanted).clip(0, len(frames) - 1)
    return rows, frames[rows] == wanted


def source_count(clip: Clip) -> int:
    """How many frames the source has (of a video: from its headers, nothing is decoded)."""
    return clip.num_frames if clip.video is None else probe(clip.video.path).count


def check_count(clip: Clip, count: int, path: Path, key: str) -> None:
    """A file with one row a frame must have as many as the source has.

    Programs that read a video through OpenCV lose its last frame now and then: one row less or more is said and
    passes, as long as the clip's frames are there. Anything else raises BadInput naming both counts.
    """
    frames = source_frames(clip)
    there = source_count(clip)
    if count == there:
        return
    off_by_one = clip.video is not None and abs(count - there) == 1 and frames.max(initial=-1) < count
    if not off_by_one:
        what = "the clip has" if clip.video is None else "the video has"
        raise BadInput(path, key, f"{count} frames, {what} {there}: is it of this video, at this frame rate?")
    _log.warning("%s: %d frames, the video has %d; taken to begin together", path, count, there)


def check_range(clip: Clip, frames: np.ndarray, path: Path, key: str) -> None:
    """Frame numbers must lie in the source. Raises BadInput naming the number and the count."""
    if frames.dtype.kind not in "iu" or (frames < 0).any():
        raise BadInput(path, key, "frame numbers must be whole and not negative")
    there = source_count(clip)
    if frames.max(initial=-1) >= there:
        what = "the clip has" if clip.video is None else "the video has"
        raise BadInput(
            path, key, f"speaks of frame {frames.max()}, {what} {there}: is it of this video, at this frame rate?"
        )
