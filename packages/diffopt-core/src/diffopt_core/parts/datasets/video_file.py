"""Dataset ``video``: video files and folders of images."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...common.npz import read_npz
from ...data.window import cut
from ...errors import BadInput
from ...interfaces import BuildContext
from ...perception.video import METADATA, VIDEO_SUFFIXES, Probe, probe
from ...perception.video.probe import images_in
from ...perception.video.shots import shots
from ...types import Clip, Video
from .case_file import with_truth
from .configs import VideoConfig

log = logging.getLogger(__name__)
#: Assumed frame rate of a folder of images without ``--fps`` (a warning is logged).
_UNKNOWN_RATE = 30.0
#: Share of the steps between frames that may be shorter than one of the even grid, and its highest rate.
_SHORT, _FASTEST = 0.03, 240.0


class VideoDataset:
    """Implements :class:`diffopt_core.interfaces.Dataset` and :class:`diffopt_core.interfaces.ListsShots`."""

    def __init__(self, config: VideoConfig, ctx: BuildContext | None = None):
        self._config = config

    def accepts(self, path: Path) -> bool:
        """Accepts videos by their suffix and folders of images (a folder with videos is a folder of clips)."""
        path, _ = split_shot(path)
        if path.is_dir():
            visible = (file for file in path.iterdir() if not file.name.startswith("."))
            videos = any(file.suffix.lower() in VIDEO_SUFFIXES for file in visible)
            return not videos and len(images_in(path)) >= 3
        return path.suffix.lower() in VIDEO_SUFFIXES

    def shots(self, path: Path) -> list[tuple[int, int]]:
        """The shots of a video; raises BadInput if it cannot be decoded."""
        clip, _ = self._opened(path)
        assert clip.video is not None
        return shots(clip.video, clip.sha256)

    def load(self, path: Path) -> Clip:
        """Read size, rate, rotation and frame numbers; no image is decoded yet, except for the cuts around one shot
        (``video.mp4#shot2``).

        A variable frame rate (of a phone) is resampled to an even grid of the shortest usual step by nearest frames,
        with a warning; frames that repeat are later interpolated. Raises BadInput if the file cannot be decoded.
        """
        file, shot = split_shot(path)
        clip, notes = self._opened(file)
        for note in notes:
            log.warning(note)
        beside = file.parent / "truth" / f"{clip.name}.npz"
        truth = self._config.truth or (beside if beside.exists() else None)
        clip = with_truth(clip, read_npz(truth), truth) if truth else clip
        return _shot(clip, path, shot) if shot else clip

    def _opened(self, path: Path) -> tuple[Clip, tuple[str, ...]]:
        """The clip, and what the user has to know of it."""
        found = probe(path)
        facts: dict[str, object] = {"codec": found.codec, "source_frames": found.count, "rotation": found.rotation}
        fps = found.fps or self._config.image_fps
        facts["fps_from"] = "the video" if found.fps else "dataset.image_fps"
        if fps is None:
            fps = _UNKNOWN_RATE
            facts["fps_from"] = f"assumed {fps:g}: images have no rate"
        if not found.even and found.times is not None:
            fps = _finest(found.times, fps)
        frames, notes = _even_frames(path, found, fps, facts)
        clip = Clip(
            name=path.name if path.is_dir() else path.stem,
            path=path,
            fps=float(fps),
            size=found.size,
            num_frames=len(frames),
            sha256=_digest(path),
            video=Video(path, frames, found.size, found.rotation, found.length, found.missing),
            focal=found.focal,
            focal_from=METADATA if found.focal else "",
            facts=facts,
        )
        return clip, (*found.notes, *notes)


def split_shot(path: Path) -> tuple[Path, int]:
    """Split ``video.mp4#shot2`` into file and number of the shot (0 if the address names none)."""
    found = re.fullmatch(r"(.+)#shot([0-9]{1,6})", str(path))
    return (Path(found[1]), int(found[2])) if found and not path.exists() else (path, 0)


def _shot(clip: Clip, path: Path, number: int) -> Clip:
    """The frames of one shot."""
    assert clip.video is not None
    every = shots(clip.video, clip.sha256)
    if number > len(every):
        raise BadInput(path, "shot", f"{number}: the video has {len(every)}")
    first, stop = every[number - 1]
    facts = {**clip.facts, "shot": {"number": number, "of": len(every), "frames": [first, stop]}}
    part = cut(replace(clip, facts=facts), first, stop, None)
    assert part.video is not None
    many = len(every) > 1
    name, video = f"{clip.name}_shot{number}", replace(part.video, shot=number)
    return replace(part, name=name, path=path, video=video) if many else replace(part, path=path)


def _finest(times: np.ndarray, mean: float) -> float:
    """Frames per second of the shortest usual step, so that an even grid leaves out hardly any frame."""
    steps = np.diff(times)
    short = float(np.quantile(steps[steps > 0], _SHORT))
    return float(np.clip(1 / short, mean, max(_FASTEST, mean)))


def _even_frames(
    path: Path, found: Probe, fps: float, facts: dict[str, object]
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The frame of the file that each frame of the clip shows, and what the user has to know of it."""
    if found.even or found.times is None:
        return tuple(range(found.count)), ()
    times = found.times - found.times[0]
    grid = np.arange(int(times[-1] * fps + 1.5)) / fps
    nearest = np.clip(np.searchsorted((times[1:] + times[:-1]) / 2, grid), 0, found.count - 1)
    repeated = int((np.diff(nearest) == 0).sum())
    facts["variable_rate"] = {"repeated": repeated, "left_out": found.count - len(np.unique(nearest))}
    note = (
        f"{path}: variable frame rate; resampled to an even {fps:.2f} fps "
        f"({repeated} frames repeated, {found.count - len(np.unique(nearest))} left out)"
    )
    return tuple(nearest.tolist()), (note,)


def _digest(path: Path) -> str:
    """SHA-256 of the content: of the file, or of the folder's images in their order."""
    total = hashlib.sha256()
    for file in images_in(path) if path.is_dir() else [path]:
        with open(file, "rb") as stream:
            while block := stream.read(1 << 20):
                total.update(block)
    return total.hexdigest()
