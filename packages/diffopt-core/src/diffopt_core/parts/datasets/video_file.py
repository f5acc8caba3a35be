"""Dataset ``video``: video files and folders of images."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import numpy as np

from ...common.npz import read_npz
from ...interfaces import BuildContext
from ...perception.video import VIDEO_SUFFIXES, Probe, probe
from ...perception.video.probe import images_in
from ...types import Clip, Video
from .case_file import with_truth
from .configs import VideoConfig

log = logging.getLogger(__name__)
#: Assumed frame rate of a folder of images without ``--fps`` (a warning is logged).
_UNKNOWN_RATE = 30.0


class VideoDataset:
    """Implements :class:`diffopt_core.interfaces.Dataset`."""

    def __init__(self, config: VideoConfig, ctx: BuildContext | None = None):
        self._config = config

    def accepts(self, path: Path) -> bool:
        """Accepts videos by their suffix and folders of images (a folder with videos is a folder of clips)."""
        if path.is_dir():
            visible = (file for file in path.iterdir() if not file.name.startswith("."))
            videos = any(file.suffix.lower() in VIDEO_SUFFIXES for file in visible)
            return not videos and len(images_in(path)) >= 3
        return path.suffix.lower() in VIDEO_SUFFIXES

    def load(self, path: Path) -> Clip:
        """Read size, rate, rotation and frame numbers; no image is decoded yet.

        A variable frame rate (of a phone) is resampled to an even grid at the mean rate by nearest frames, with a
        warning. Raises BadInput if the file cannot be decoded.
        """
        found = probe(path)
        facts: dict[str, object] = {"codec": found.codec, "source_frames": found.count, "rotation": found.rotation}
        for note in found.notes:
            log.warning(note)
        fps = found.fps or self._config.image_fps
        facts["fps_from"] = "the video" if found.fps else "dataset.image_fps"
        if fps is None:
            fps = _UNKNOWN_RATE
            facts["fps_from"] = f"assumed {fps:g}: images have no rate"
        frames = _even_frames(path, found, fps, facts)
        clip = Clip(
            name=path.name if path.is_dir() else path.stem,
            path=path,
            fps=float(fps),
            size=found.size,
            num_frames=len(frames),
            sha256=_digest(path),
            video=Video(path, frames, found.size, found.rotation, found.length, found.missing),
            focal=found.focal,
            focal_from="the video's metadata" if found.focal else "",
            facts=facts,
        )
        beside = path.parent / "truth" / f"{clip.name}.npz"
        truth = self._config.truth or (beside if beside.exists() else None)
        return with_truth(clip, read_npz(truth), truth) if truth else clip


def _even_frames(path: Path, found: Probe, fps: float, facts: dict[str, object]) -> tuple[int, ...]:
    if found.even or found.times is None:
        return tuple(range(found.count))
    times = found.times - found.times[0]
    grid = np.arange(int(times[-1] * fps + 1.5)) / fps
    nearest = np.clip(np.searchsorted((times[1:] + times[:-1]) / 2, grid), 0, found.count - 1)
    repeated = int((np.diff(nearest) == 0).sum())
    facts["variable_rate"] = {"repeated": repeated, "left_out": found.count - len(np.unique(nearest))}
    log.warning(
        "%s: variable frame rate; resampled to an even %.2f fps (%d frames repeated, %d left out)",
        path, fps, repeated, found.count - len(np.unique(nearest)),
    )  # fmt: skip
    return tuple(nearest.tolist())


def _digest(path: Path) -> str:
    """SHA-256 of the content: of the file, or of the folder's images in their order."""
    total = hashlib.sha256()
    for file in images_in(path) if path.is_dir() else [path]:
        with open(file, "rb") as stream:
            while block := stream.read(1 << 20):
                total.update(block)
    return total.hexdigest()
