"""Map the rows of a file to video frames: one policy for people, cameras, keypoints and boxes.

Used in this order: names of the video's own images, times that fit the video, frame numbers (from names or ids, counted
from 0 or 1, with a notice), row counts. A gap stays a gap. Without a video, the clip's own frames are the source.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from diffopt_core.errors import BadInput
from diffopt_core.perception.video import probe
from diffopt_core.perception.video.probe import numbered_images
from diffopt_core.types import Clip, Video

_log = logging.getLogger(__name__)
#: Decoders differ by up to this many frames at the end of a video.
SLACK = 2
#: Times in a file may differ from frame times by this share of a frame.
_OFF_GRID = 0.3
#: Common frame rates of re-encoded videos.
_RATES = (5.0, 6.0, 8.0, 10.0, 12.0, 12.5, 15.0, 20.0, 23.976, 24.0, 25.0, 29.97, 30.0, 50.0, 59.94, 60.0, 120.0)


@dataclass(frozen=True)
class Source:
    """The source of a clip, its ``video`` if any. ``total``: frames of the source; ``wanted``: source frame of each
    clip frame."""

    wanted: np.ndarray
    total: int
    clip_fps: float
    video: Video | None = None

    @property
    def name(self) -> str:
        return "the clip" if self.video is None else self.video.path.name

    @property
    def slack(self) -> int:
        return 0 if self.video is None else SLACK

    @property
    def fps(self) -> float:
        """Frames per second of the source; the clip's may differ."""
        return self.clip_fps if self.video is None else probe(self.video.path).fps or self.clip_fps

    @property
    def images(self) -> dict[str, int]:
        """Frame number by image name for a folder of images; empty for a video file."""
        if self.video is None or not self.video.path.is_dir():
            return {}
        return {path.name: number for number, path in numbered_images(self.video.path).items()}

    def __str__(self) -> str:
        clip = len(self.wanted)
        return f"{self.total} frames" + (f" of the video ({clip} of the clip)" if clip != self.total else "")


def source_of(clip: Clip) -> Source:
    """The source of a clip; without a video, the clip itself. Only the headers of a video are read."""
    if clip.video is None:
        return Source(np.arange(clip.num_frames), clip.num_frames, clip.fps)
    total = clip.video.length if clip.video.length is not None else probe(clip.video.path).length
    return Source(np.array(clip.video.frames, dtype=np.int64), total, clip.fps, clip.video)


def source_frames(clip: Clip) -> np.ndarray:
    """Number in the source of each frame of the clip, ``[T]``; 0 … T-1 where the clip has no video."""
    return np.arange(clip.num_frames) if clip.video is None else np.array(clip.video.frames, dtype=np.int64)


def rows_at(frames: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row in ascending ``frames`` of each wanted number, ``[T]``, and whether there is one (else the row is
    invalid)."""
    rows = np.searchsorted(frames, wanted).clip(0, len(frames) - 1)
    return rows, frames[rows] == wanted


@dataclass(frozen=True)
class Rows:
    """What a file states about the frames of its ``count`` rows, in file order: image ``names``, ``seconds``,
    ``numbers``.

    ``base``: number of the first video frame if the system's convention is known; None: inferred from the numbers.
    ``keyframes``: the rows cover some frames, spread over the video. ``key``, ``option``: names used in errors and
    remedies.
    """

    path: Path
    count: int
    names: tuple[str, ...] | None = None
    seconds: np.ndarray | None = None
    numbers: np.ndarray | None = None
    base: int | None = None
    keyframes: bool = False
    key: str = "frames"
    option: str = "camera"

    def fail(self, problem: str) -> BadInput:
        return BadInput(self.path, self.key, problem)


def place(rows: Rows, source: Source, stride: int | None = None, first: int | None = None) -> np.ndarray:
    """Video frame of each row (N, increasing); assumptions are logged.

    ``stride``: the system used every ``stride``-th frame. ``first``: number of the first video frame if rows have
    numbers, else the frame of the first row. Raises BadInput, with both counts, if the rows do not fit.
    """
    if rows.count == 0:
        raise BadInput(rows.path, rows.key, "holds no row")
    images = source.images
    if rows.names is not None and set(rows.names) <= set(images):
        return _checked(rows, np.array([images[name] for name in rows.names]), source)
    if rows.names is None and rows.numbers is None and rows.count == len(images) < source.total:
        return np.array(sorted(images.values()))
    if rows.seconds is not None and stride is None and first is None:
        return _by_time(rows, rows.seconds, source)
    numbers = rows.numbers if rows.numbers is not None or rows.names is None else numbers_in(rows, rows.names)
    if numbers is None:
        return _by_count(rows, source, stride, first)
    return _by_number(rows, numbers, source, stride, first)


def numbers_in(rows: Rows, names: tuple[str, ...]) -> np.ndarray:
    """The last number in each name. Raises BadInput for a name without one."""
    found = [re.search(r"(\d{1,15})\D*$", Path(name).stem) for name in names]
    if None in found:
        raise rows.fail(f"the name '{names[found.index(None)]}' contains no frame number")
    return np.array([int(match[1]) for match in found if match])


def _by_count(rows: Rows, source: Source, stride: int | None, first: int | None) -> np.ndarray:
    count, clip = rows.count, len(source.wanted)
    if stride is not None or first is not None:
        return _checked(rows, (first or 0) + (stride or 1) * np.arange(count), source)
    if count == source.total:
        return np.arange(count)
    if count == clip:
        _log.warning(
            f"{rows.path}: {count} {rows.key}, as many as the clip has frames, while "
            f"the video has {source.total}: they are assumed to be the clip's frames"
        )
        return source.wanted
    if abs(count - source.total) <= source.slack:
        _log.warning(
            f"{rows.path}: {count} {rows.key}, {source.name} has {source.total}; assumed to start at the same frame"
        )
        return np.arange(count)
    raise rows.fail(f"{count} {rows.key} for {source}{_guess(rows, count, source)}")


def _guess(rows: Rows, count: int, source: Source) -> str:
    """A possible explanation of the count, as advice only: a truncated file may have the same length."""
    if count < 2 or count > source.total:
        return "; is the file for this video, at this frame rate?"
    low, high = -(-source.total // count), (source.total - 1) // (count - 1)
    if rows.option == "camera":
        if low == high > 1:
            return f"; if only one of every {low} images was used, give --set camera.stride={low}"
        return f"; is it truncated{_rate(count, source)}? --set camera.first=0 maps its rows to the first frames"
    return f"; is it truncated{_rate(count, source)}?"


def _rate(count: int, source: Source) -> str:
    """The frame rate of a re-encoded copy with this many frames, if it is a common one."""
    try:
        rate = source.fps * count / source.total
    except (BadInput, OSError):
        return ", or of another video"
    near = min(_RATES, key=lambda usual: abs(usual - rate))
    return f", or of a copy at {near:g} frames/s" if abs(near / rate - 1) < 0.02 else ", or of another video"


def _by_number(rows: Rows, numbers: np.ndarray, source: Source, stride: int | None, first: int | None) -> np.ndarray:
    if not np.isfinite(numbers).all() or np.abs(numbers - np.round(numbers)).max(initial=0.0) > 1e-3:
        raise rows.fail("the images' numbers are not whole")
    if np.abs(numbers).max(initial=0.0) > 1e12:
        raise rows.fail("the images' numbers are not frame numbers")
    counted = np.round(numbers).astype(np.int64)
    in_a_row = len(counted) > 0 and (counted == counted[0] + np.arange(len(counted))).all()
    sparse = rows.keyframes or rows.names is not None
    if in_a_row and not sparse and rows.option == "camera" and len(counted) != source.total and stride is None:
        return _by_count(rows, source, stride, first)
    base = first if first is not None else _base(rows, counted, source)
    placed = _checked(rows, (counted - base) * (stride or 1), source)
    reach = int(placed[-1]) + 1
    if rows.keyframes and stride is None and reach <= source.total / 2:
        likely = max(round(source.total / reach), 2)
        raise rows.fail(
            f"the last keyframe is image {placed[-1]} of {source}: was only every n-th image used? --set "
            f"{rows.option}.stride=N ({likely} would fit), or 1 if the camera stops there"
        )
    return placed


def _base(rows: Rows, counted: np.ndarray, source: Source) -> int:
    """The number that the file gives to the first video frame."""
    low, high = int(counted.min()), int(counted.max())
    if low <= 0 or (rows.base == 0 and high < source.total):
        return 0
    if rows.base:
        base, said = rows.base, f"its frame numbers count from {rows.base}"
    elif high - low + 1 == len(np.unique(counted)) == source.total or low == 1 or high == source.total:
        base = low if high - low + 1 == source.total else 1
        said = f"its frame numbers count from {base}"
    elif high < source.total:
        base, said = 0, f"its frame numbers ({low} to {high}) are assumed to count from 0"
    else:
        raise rows.fail(
            f"frames {low} to {high}, {source.name} has {source.total}: is the file for this "
            f"video? If so, --set {rows.option}.first=N gives the number of its first frame"
        )
    _log.warning(f"{rows.path}: {said}; --set {rows.option}.first={1 - min(base, 1)} if not")
    return base


def _by_time(rows: Rows, seconds: np.ndarray, source: Source) -> np.ndarray:
    fps = source.fps
    for start in (0.0, float(seconds[0])):
        exact = (seconds - start) * fps
        placed = np.round(exact.clip(-1, 1e12)).astype(np.int64)
        fits = np.abs(exact - placed).max() <= _OFF_GRID and placed[0] >= 0 and placed[-1] < source.total + source.slack
        if fits and (np.diff(placed) > 0).all():
            if start:
                _log.warning(f"{rows.path}: its times start at {start:g} s; assumed to be the first video frame")
            return _checked(rows, placed, source)
    if rows.count in (source.total, len(source.wanted)):
        _log.warning(
            f"{rows.path}: its times do not match the video's frames at {fps:g} frames/s; rows are mapped by count"
        )
        return _by_count(rows, source, None, None)
    raise BadInput(
        rows.path, "time",
        f"{rows.count} poses from {seconds[0]:g} to {seconds[-1]:g} s do not match "
        f"the {source} at {fps:g} frames/s, counted from 0 s or from the first time",
    )  # fmt: skip


def _checked(rows: Rows, placed: np.ndarray, source: Source) -> np.ndarray:
    if not len(placed) or (np.diff(placed) <= 0).any():
        raise rows.fail("the images' numbers do not increase")
    if placed[0] < 0 or placed[-1] >= source.total + source.slack:
        raise rows.fail(
            f"{rows.count} rows cover frames {placed[0]} to {placed[-1]} "
            f"of {source}: is the file for this video, at this frame rate?"
        )
    return placed


def covered(rows: Rows, last: int, total: int | None, source: Source) -> str | None:
    """Check that a result that ends with frame ``last`` (of ``total`` frames seen) belongs to this video; a remark, or
    None. Raises BadInput, with both counts, if it cannot.
    """
    covers = total if total is not None else last + 1
    if source.video is None:
        if covers > source.total or (total is not None and covers != source.total):
            raise rows.fail(f"the result covers {covers} frames, the clip has {source.total}")
    elif covers > source.total + SLACK:
        raise rows.fail(f"the result covers {covers} frames, {source.name} has {source.total}: not the same video?")
    reach = int(source.wanted.max(initial=0)) + 1
    if total is not None and reach > total + source.slack:
        problem = f"the result covers {total} frames, the clip reaches frame {reach} of {source.name}"
        raise rows.fail(problem + ": they are from different videos, or one is truncated")
    if covers >= source.total - source.slack or total is not None:
        return None if covers == source.total or source.video is None else (
            f"the result covers {covers} frames, {source.name} has {source.total}; they are matched by number"
        )  # fmt: skip
    why = f"does the person leave there, or is it truncated{_rate(covers, source)}?"
    return f"ends with frame {last} of {source.total}: {why}"
