"""Render results to a file: lay out the panels of a view, draw frame by frame, write."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from diffopt_core.common.progress import Update, track
from diffopt_core.interfaces import Renderer
from diffopt_core.results.saved import read_result

from .asked import Asked, Size, View, at_rate, panel_sizes, rate, span
from .files import GIF_FPS, write_folder, write_gif, write_mp4, write_png
from .ground import camera_above, still_camera
from .panels import BesidePanel, InputPanel, Panel, joined, tiled, together
from .take import Take, take_of
from .views import OverlayPanel, RoomPanel

log = logging.getLogger(__name__)
_BODIES = 7  # along the path in an image
_APART = 0.45  # smallest distance between two of them, m
_MOMENTS = 4  # frames of a figure


@dataclass(frozen=True)
class Show:
    """``panels`` from left to right; ``room``: the panel that shows the world. ``joints``: (N, 24, 3), all that the
    static camera must see."""

    panels: list[Panel]
    room: RoomPanel | None
    renderer: Renderer
    joints: np.ndarray

    def panel(self) -> Panel:
        return self.panels[0] if len(self.panels) == 1 else BesidePanel(self.panels)

    def still(self, take: Take, frames: range, view: View) -> np.ndarray:
        """One image: the middle frame; for the world view, bodies along the path. ``figure``: four frames, each as
        input above rendering, and the whole path from above."""
        if view == "figure":
            moments = _evenly(frames, _MOMENTS)
            rows = [next_to(panel, moments) for panel in self.panels[:-1]]
            pictures = np.concatenate(rows, axis=0)
            square = _above(take, self.renderer, self.joints, 2 * (pictures.shape[0],))
            return joined([pictures, next(iter(square.images([frames[-1]])))])
        middle = frames[len(frames) // 2]
        parts = [next(iter(panel.images([middle]))) for panel in self.panels if panel is not self.room]
        if self.room is not None:
            parts.append(self.room.along_the_way(_along(take, frames)))
        return joined(parts)


def next_to(panel: Panel, moments: list[int]) -> np.ndarray:
    """Images of a panel at several frames, side by side."""
    return tiled(list(panel.images(moments)), len(moments))


def show(take: Take, view: View, renderer: Renderer, size: Size | None, label: str, joints: np.ndarray) -> Show:
    """Build the panels. ``label``: prefix of their titles for several results. ``joints``: all that the static camera
    must see, (N, 24, 3)."""
    clip = take.size if min(take.size) > 0 else (16, 9)
    sizes = panel_sizes(view, clip, size, take.video is not None)
    mark = f"{label} · " if label else ""
    if view == "world":
        room = RoomPanel(take, renderer, still_camera(joints, sizes[0]), sizes[0], label)
        return Show([room], room, renderer, joints)
    title = label if view == "overlay" else f"{mark}recovered"
    overlay = OverlayPanel(take, renderer, sizes[0], title, clock=view == "figure")
    if view == "overlay":
        return Show([overlay], None, renderer, joints)
    if view == "side":
        room = RoomPanel(take, renderer, still_camera(joints, sizes[1]), sizes[1], "world")
        return Show([overlay, room], room, renderer, joints)
    room = _above(take, renderer, joints, sizes[-1])
    panels: list[Panel] = [overlay, room]
    if take.video is not None:
        panels.insert(0, InputPanel(take.video, sizes[0], "input"))
    else:
        log.warning("%s: no video: the figure shows only the rendering", take.name)
    return Show(panels, room, renderer, joints)


def _above(take: Take, renderer: Renderer, joints: np.ndarray, size: Size) -> RoomPanel:
    return RoomPanel(take, renderer, camera_above(joints, size), size, "from above", ghost=False)


def _evenly(frames: range, count: int) -> list[int]:
    return [frames[i] for i in np.linspace(0, len(frames) - 1, count).round().astype(int).tolist()]


def _along(take: Take, frames: range) -> list[int]:
    """Frames evenly spaced along the path, few enough that bodies do not overlap, including the last frame."""
    places = take.joints[list(frames), 0][:, [0, 2]].numpy()
    run = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(places, axis=0), axis=-1))])
    count = int(np.clip(run[-1] / _APART, 0, _BODIES - 1)) + 1
    if count == 1:
        return [frames[len(frames) // 2]]
    return [frames[i] for i in np.searchsorted(run, np.linspace(0, run[-1], count) - 1e-6).tolist()]


def eyes_of(takes: list[Take], spans: list[range]) -> list[np.ndarray]:
    """Joints that each take's static camera must see: results of one clip share one camera."""
    own = []
    for take, frames in zip(takes, spans, strict=True):
        some = list(frames)
        own.append(take.joints[some].numpy())
        if take.truth is not None:
            own[-1] = np.concatenate([own[-1], take.truth[some].numpy()])
    return [np.concatenate(own)] * len(takes) if len({take.name for take in takes}) == 1 else own


_ROW = 3  # images per row for several results


def film(asked: Asked, renderer: Renderer) -> dict[str, Any]:
    """Draw and write. Returns facts about the file, plain data."""
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
        log.warning("GIF viewers respect at most %g frames per second; written at that rate (--fps)", GIF_FPS)
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
