"""From results to a file: read, lay out, draw frame by frame, write."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from diffopt_core.common.progress import Update, track
from diffopt_core.interfaces import Renderer
from diffopt_core.results.saved import read_result

from .asked import Asked
from .files.target import write_folder, write_png
from .files.video import GIF_FPS, write_gif, write_mp4
from .moments import at_rate, rate, span
from .take import Take, take_of
from .views.panel import tiled, together
from .views.show import Show, eyes_of, show

log = logging.getLogger(__name__)
_ROW = 3  # pictures beside one another; more results begin a new row


def film(asked: Asked, renderer: Renderer) -> dict[str, Any]:
    """Draw and write. Returns what was written, plain data."""
    takes = [take_of(read_result(path, truth=asked.truth), asked.truth) for path in asked.results]
    spans = [span(asked.frames, take.num_frames, take.name) for take in takes]
    shows = [
        show(take, asked.view, renderer, asked.size, label, joints)
        for take, label, joints in zip(takes, asked.labels(), eyes_of(takes, spans), strict=True)
    ]
    begun = time.perf_counter()
    told = _written(asked, takes, spans, shows)
    seconds = time.perf_counter() - begun
    speed = round(told["frames"] / max(seconds, 1e-9), 2)
    return {
        **told,
        "view": asked.view,
        "renderer": renderer.about,
        "seconds": round(seconds, 3),
        "frames_per_second": speed,
    }


def _written(asked: Asked, takes: list[Take], spans: list[range], shows: list[Show]) -> dict[str, Any]:
    path, form = asked.target.path, asked.target.form
    columns = len(shows) if asked.view in ("overlay", "world") and len(shows) <= _ROW else 1 if asked.view in (
        "side", "figure") else _ROW  # fmt: skip
    if form == "png":
        stills = [each.still(take, part, asked.view) for each, take, part in zip(shows, takes, spans, strict=True)]
        return write_png(tiled(stills, columns), path)
    fps = rate(asked.fps, takes[0].fps)
    if form == "gif" and fps > GIF_FPS and asked.fps is None:
        log.warning("a GIF has at most %g frames a second that every viewer keeps to: written so (--fps)", GIF_FPS)
        fps = GIF_FPS
    frames = [at_rate(part, take.fps, fps) for part, take in zip(spans, takes, strict=True)]
    streams = [each.panel().images(some) for each, some in zip(shows, frames, strict=True)]
    total = max(len(some) for some in frames)
    with track(f"{asked.view} {path.name}", total) as update:
        images = _counted(together(streams, columns) if len(streams) > 1 else streams[0], update)
        if form == "mp4":
            return write_mp4(images, path, fps, asked.crf)
        if form == "gif":
            return write_gif(images, path, fps)
        return write_folder(images, path, fps)


def _counted(images: Iterator[np.ndarray], update: Update) -> Iterator[np.ndarray]:
    for number, image in enumerate(images):
        yield image
        update(number + 1)
