"""Processing of long videos in chunks, so that an interrupted run can continue.

Each chunk has its own tracker, which is warmed up on the preceding frames, so the result does not depend on
interruptions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.common.npz import read_npz
from diffopt_core.common.places import cache_folder
from diffopt_core.errors import BadInput
from diffopt_core.types import Clip, Video

#: Frames of a chunk, and frames before it on which its tracker is warmed up.
LENGTH, WARM = 300, 10
#: For crops: margin around the person and largest extent of a region, in heights of the person; least frames of a
#: chunk.
AROUND, ROOM, SHORTEST = 0.5, 3.5, 60
SCRIPT = Path(__file__).with_name("script.py")
#: One row per frame: landmarks (shares of the image), world landmarks (m), whether found, mask.
COLUMNS = ("points", "world", "found", "masks")
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Chunk:
    """Frames ``start`` to ``end`` (not included) of the clip; its tracker starts at ``warm``. ``region``: the part of
    the image to process, as shares of its width and height; None for the whole image."""

    warm: int
    start: int
    end: int
    path: Path
    region: tuple[float, ...] | None = None

    @property
    def done(self) -> bool:
        return self.path.is_file()


def folder_of(clip: Clip, settings: dict[str, Any]) -> Path:
    """Cache folder for this video and these settings."""
    assert clip.video is not None
    said = {
        "video": clip.sha256 or content(clip.video.path),
        "frames": hashlib.sha256(np.array(clip.video.frames, np.int64).tobytes()).hexdigest(),
        "size": clip.video.size,
        "rotation": clip.video.rotation,
        "script": hashlib.sha256(SCRIPT.read_bytes()).hexdigest(),
        "fps": clip.fps,
        **settings,
    }
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    return cache_folder() / "mediapipe" / digest[:24]


def content(path: Path) -> str:
    """SHA-256 of a file, or of the files of a folder in the order of their names."""
    total = hashlib.sha256()
    for file in sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]:
        with open(file, "rb") as stream:
            while block := stream.read(1 << 20):
                total.update(block)
    return total.hexdigest()


def plan(count: int, folder: Path) -> list[Chunk]:
    """The chunks of ``count`` frames; a short last one is merged with the previous one."""
    starts = list(range(0, max(count - LENGTH // 2, 1), LENGTH))
    ends = [*starts[1:], count]
    pairs = enumerate(zip(starts, ends, strict=True))
    return [Chunk(max(0, a - WARM), a, b, folder / f"chunk_{i:04d}.npz") for i, (a, b) in pairs]


def plan_close_up(boxes: np.ndarray, size: tuple[int, int], folder: Path) -> list[Chunk]:
    """Chunks with crops for a small person: ``boxes`` ``[T 4]`` px are the expected positions. A chunk ends when its
    region would exceed ``ROOM`` heights of the person."""
    height = boxes[:, 3] - boxes[:, 1]
    reach = AROUND * height[:, None]
    low, high = boxes[:, :2] - reach, boxes[:, 2:] + reach
    chunks: list[Chunk] = []
    start, count = 0, len(boxes)
    while start < count:
        ends = slice(start, min(start + LENGTH, count))
        extent = np.maximum.accumulate(high[ends]) - np.minimum.accumulate(low[ends])
        fits = int((extent.max(1) <= ROOM * height[start]).sum())
        end = min(start + max(fits, SHORTEST), ends.stop)
        if count - end < SHORTEST:
            end = count
        warm = max(0, start - WARM)
        region = _square(low[warm:end].min(0), high[warm:end].max(0), size)
        chunks.append(Chunk(warm, start, end, folder / f"chunk_{len(chunks):04d}.npz", region))
        start = end
    return chunks


def _square(low: np.ndarray, high: np.ndarray, size: tuple[int, int]) -> tuple[float, ...]:
    """A box extended to a square within the image, as shares of the image."""
    half = np.maximum(high - low, (high - low).max()) / 2
    middle, full = (low + high) / 2, np.array(size)
    corners = np.concatenate([(middle - half) / full, (middle + half) / full]).clip(0.0, 1.0)
    return tuple(corners.round(4).tolist())


def still_to_do(video: Video, chunks: Sequence[Chunk]) -> tuple[Video, list[list[object]], np.ndarray]:
    """Remaining work: the video cut to the needed frames, the missing chunks in the script's form (warm, start, end in
    the frames of that video, file, region), and the frame numbers in the clip."""
    missing = [chunk for chunk in chunks if not chunk.done]
    needed = np.unique(np.concatenate([np.arange(chunk.warm, chunk.end) for chunk in missing]))
    rows: list[list[object]] = []
    for chunk in missing:
        warm, start, last = (int(np.searchsorted(needed, at)) for at in (chunk.warm, chunk.start, chunk.end - 1))
        rows.append([warm, start, last + 1, str(chunk.path), chunk.region])
    return replace(video, frames=tuple(video.frames[i] for i in needed)), rows, needed


def gather(chunks: Sequence[Chunk]) -> Arrays:
    """The concatenated arrays of all chunks. A damaged file is removed, so that the next run recomputes it."""
    parts: list[Arrays] = []
    for chunk in chunks:
        try:
            part = read_npz(chunk.path)
            if any(len(part[key]) != chunk.end - chunk.start for key in COLUMNS):
                raise BadInput(chunk.path, "frames", "has another number of frames than the chunk")
        except (BadInput, KeyError) as error:
            chunk.path.unlink(missing_ok=True)
            problem = "was damaged and has been removed; run again to recompute only its frames"
            raise BadInput(chunk.path, "file", problem) from error
        parts.append(part)
    whole = {key: np.concatenate([part[key] for part in parts]) for key in COLUMNS}
    return {**whole, **{key: parts[0][key] for key in ("version", "python") if key in parts[0]}}
