"""Which frame of the video each saved camera belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from diffopt_core.errors import BadInput
from diffopt_core.perception.video import probe
from diffopt_core.types import Clip

from .saved import SavedCameras

#: Times of a file may lie off the frames' grid by this share of a frame.
_OFF_GRID = 0.3


@dataclass(frozen=True)
class Source:
    """The video behind a clip: ``wanted``: number in it of each frame of the clip; ``total`` frames at ``fps``."""

    wanted: np.ndarray
    total: int
    fps: float
    names: tuple[str, ...] | None = None


def source_of(clip: Clip) -> Source:
    """Of a clip without a video, its own frames are all there is."""
    if clip.video is None:
        return Source(np.arange(clip.num_frames), clip.num_frames, clip.fps)
    found = probe(clip.video.path)
    names = None
    if clip.video.path.is_dir():
        from diffopt_core.perception.video.probe import images_in

        names = tuple(path.name for path in images_in(clip.video.path))
    return Source(np.array(clip.video.frames), found.count, found.fps or clip.fps, names)


def frame_numbers(
    saved: SavedCameras, source: Source, stride: int | None, first: int | None
) -> tuple[np.ndarray, list[str]]:
    """Frame of the video of each row (N, increasing), and what was taken for granted.

    Raises BadInput, with both counts, where the rows fit neither the video nor the clip.
    """
    if saved.names is not None and source.names is not None and set(saved.names) <= set(source.names):
        place = {name: i for i, name in enumerate(source.names)}
        return _checked(saved, np.array([place[name] for name in saved.names]), source)
    if saved.seconds is not None and stride is None:
        return _by_time(saved, source)
    if saved.numbers is not None:
        return _numbered(saved, source, stride, first)
    if saved.names is not None:
        raise BadInput(saved.path, "images", f"the names ('{saved.names[0]}') hold no number of a frame")
    return _in_a_row(saved, source, stride, first)


def _in_a_row(
    saved: SavedCameras, source: Source, stride: int | None, first: int | None
) -> tuple[np.ndarray, list[str]]:
    count, clip = len(saved), len(source.wanted)
    if stride is not None or first is not None:
        return _checked(saved, (first or 0) + (stride or 1) * np.arange(count), source)
    if count == source.total:
        return np.arange(count), []
    if count == clip:
        note = (
            f"{saved.path}: {count} poses, as many as the clip has frames, and the video has {source.total}: "
            "they are taken for the clip's own frames"
        )
        return source.wanted, [note]
    raise BadInput(saved.path, "poses", f"{count} poses for {_frames(source)}{_guess(count, source.total)}")


def _frames(source: Source) -> str:
    clip = len(source.wanted)
    return f"{source.total} frames" + (f" of the video ({clip} of the clip)" if clip != source.total else "")


def _guess(count: int, total: int) -> str:
    """A stride that would explain the count, as advice only: a truncated file may have the same length."""
    if count < 2 or count > total:
        return "; is it of another video, or of another version of it?"
    low, high = -(-total // count), (total - 1) // (count - 1)
    if low == high > 1:
        return f"; if only one image in {low} was used, say --set camera.stride={low}"
    return "; is it truncated, or of another video? --set camera.first=0 takes its rows for the first frames"


def _numbered(
    saved: SavedCameras, source: Source, stride: int | None, first: int | None
) -> tuple[np.ndarray, list[str]]:
    assert saved.numbers is not None
    numbers = saved.numbers
    if not np.isfinite(numbers).all() or np.abs(numbers - np.round(numbers)).max() > 1e-3:
        raise BadInput(saved.path, "tstamps", "are no numbers of images")
    counted, notes = np.round(numbers).astype(np.int64), []
    if first is None and saved.names is not None:
        first = 0
        if counted.max() == source.total and counted.min() > 0:
            first = 1
        elif counted.min() > 0:
            notes.append(
                f"{saved.path}: image numbers are taken to count from 0; if they count from 1, --set camera.first=1"
            )
    if saved.keyframes or len(saved) == source.total or stride is not None or saved.names is not None:
        placed, more = _checked(saved, (counted - (first or 0)) * (stride or 1), source)
        reach = placed[-1] + 1
        if stride is None and saved.names is None and saved.keyframes and reach <= source.total / 2:
            raise BadInput(
                saved.path, "tstamps",
                f"the last keyframe is image {placed[-1]} of {_frames(source)}: was only every n-th image used "
                "(DROID-SLAM's demo takes every third)? --set camera.stride=N, or 1 if the camera stops there",
            )  # fmt: skip
        return placed, notes + more
    if (counted == counted[0] + np.arange(len(counted))).all():
        return _in_a_row(saved, source, stride, first)
    return _checked(saved, counted - (first or 0), source)


def _by_time(saved: SavedCameras, source: Source) -> tuple[np.ndarray, list[str]]:
    assert saved.seconds is not None
    if len(saved) in (source.total, len(source.wanted)):
        return _in_a_row(saved, source, None, None)
    exact = saved.seconds * source.fps
    placed = np.round(exact).astype(np.int64)
    if placed[-1] >= source.total or placed[0] < 0 or np.abs(exact - placed).max() > _OFF_GRID:
        raise BadInput(
            saved.path, "time",
            f"{len(saved)} poses from {saved.seconds[0]:g} to {saved.seconds[-1]:g} s do not lie on the "
            f"{_frames(source)} at {source.fps:g} frames/s, counted from 0 s",
        )  # fmt: skip
    return _checked(saved, placed, source)


def _checked(saved: SavedCameras, numbers: np.ndarray, source: Source) -> tuple[np.ndarray, list[str]]:
    if (np.diff(numbers) <= 0).any():
        raise BadInput(saved.path, "tstamps", "the images' numbers do not increase")
    if numbers[0] < 0 or numbers[-1] >= source.total:
        raise BadInput(
            saved.path, "poses",
            f"{len(saved)} poses reach from frame {numbers[0]} to frame {numbers[-1]} of {_frames(source)}",
        )  # fmt: skip
    return numbers, []
