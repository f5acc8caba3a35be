"""The 2D panel (the image of a frame with keypoints and projected body points), and the losses of a solve."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import viser
from diffopt_core.interfaces import Snapshot
from PIL import Image, ImageDraw
from viser import uplot

from .seen import CONFIDENT, Seen
from .shown import BONES, KEYPOINT, RESULTS, RGB, Room, css

#: Longer side of the canvas, px; drawn at twice the size and reduced, for smooth lines.
LONGEST, FINER = 480, 2
#: A canvas narrower than this (width over height) is padded, as the panel stretches it to its width.
_NARROWEST = 1.0


@dataclass(frozen=True)
class Window:
    """The part of the image that is drawn: its upper left corner and size (width, height), px of the image."""

    corner: np.ndarray
    size: np.ndarray

    @staticmethod
    def whole(seen: Seen) -> Window:
        return Window(np.zeros(2), np.array(seen.size, float))

    @staticmethod
    def near(seen: Seen, frame: int) -> Window:
        """A square around the person, of one size in all frames; the whole image if nobody is in front of the
        camera."""
        low, high = np.nanmin(seen.bones, axis=1), np.nanmax(seen.bones, axis=1)
        here = (low[frame] + high[frame]) / 2
        sides = (high - low).max(1)
        if not np.isfinite(here).all():
            return Window.whole(seen)
        side = np.clip(1.5 * np.nanquantile(sides, 0.9), 16.0, max(seen.size))
        return Window(here - side / 2, np.array([side, side]))


def draw(
    image: np.ndarray | None,
    seen: Sequence[tuple[Seen, RGB, int]],
    room: Room,
    observed: bool,
    body: bool,
    near: bool = False,
) -> np.ndarray:
    """RGB uint8. ``seen``: data of each result (all of one image size), its colour, its frame. Without an image the
    canvas is blank. ``observed``: draw keypoints; ``body``: draw the results' bones; with both, also lines from
    keypoints to their body points. ``near``: crop to the person."""
    first, _, frame = seen[0]
    window = Window.near(first, frame) if near else Window.whole(first)
    scale = LONGEST / float(window.size.max())
    under = _under(image, first.size, window, scale, room)
    over = Image.new("RGBA", (under.width * FINER, under.height * FINER), (0, 0, 0, 0))
    pen = ImageDraw.Draw(over)

    def at(points: np.ndarray) -> np.ndarray:
        return (points[..., :2] - window.corner) * scale * FINER

    for one, colour, now in seen if body else ():
        _draw_bones(pen, at(one.bones[now]), colour, over.size)
    for one, colour, now in seen if observed else ():
        if one.observed is not None and one.landed is not None:
            sure = one.observed[now, :, 2] > CONFIDENT
            _draw_apart(pen, at(one.observed[now][sure]), at(one.landed[now][sure]), colour, over.size)
    evidence = next(((one, now) for one, _, now in seen if one.observed is not None), None)
    if observed and evidence is not None:
        keypoints = evidence[0].observed[evidence[1]]  # type: ignore[index]
        _draw_keypoints(pen, at(keypoints[keypoints[:, 2] > CONFIDENT]), over.size)
    small = over.reduce(FINER)
    under.paste(small, mask=small.getchannel("A"))
    return _padded(np.asarray(under), room)


def _under(image: np.ndarray | None, size: tuple[int, int], window: Window, scale: float, room: Room) -> Image.Image:
    """The window of the image, or a blank canvas."""
    shape = tuple(np.maximum((window.size * scale).round().astype(int), 1).tolist())
    page = Image.new("RGB", shape, room.paper)
    if image is not None:
        own = np.array(image.shape[1::-1]) / np.array(size)  # the image may be downscaled
        low, high = window.corner * own, (window.corner + window.size) * own
        return Image.fromarray(image).transform(
            shape, Image.Transform.EXTENT, (*low, *high), Image.Resampling.BILINEAR, fillcolor=room.paper
        )
    return page


def _draw_bones(pen: ImageDraw.ImageDraw, points: np.ndarray, colour: RGB, size: tuple[int, int]) -> None:
    for child, parent in BONES:
        if _inside(points[child], size) and _inside(points[parent], size):
            pen.line([*points[child], *points[parent]], fill=(*colour, 235), width=3 * FINER)


def _draw_apart(
    pen: ImageDraw.ImageDraw, observed: np.ndarray, landed: np.ndarray, colour: RGB, size: tuple[int, int]
) -> None:
    """A line from each keypoint to the projected body point, and a dot there."""
    for here, there in zip(observed, landed, strict=True):
        if _inside(here, size) and _inside(there, size):
            pen.line([*here, *there], fill=(255, 255, 255, 230), width=FINER)
            _dot(pen, there, 1.8 * FINER, (*colour, 255))


def _draw_keypoints(pen: ImageDraw.ImageDraw, observed: np.ndarray, size: tuple[int, int]) -> None:
    for here in observed:
        if _inside(here, size):
            _dot(pen, here, 3.0 * FINER, (*KEYPOINT, 255), (40, 40, 40, 255))


def _dot(pen: ImageDraw.ImageDraw, at: np.ndarray, radius: float, fill: tuple, outline: tuple | None = None) -> None:
    x, y = at
    pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=fill, outline=outline, width=FINER)


def _inside(point: np.ndarray, size: tuple[int, int]) -> bool:
    """Finite, and not too far outside the image."""
    return bool(np.isfinite(point).all() and (np.abs(point - np.array(size) / 2) < 2 * np.array(size)).all())


def _padded(image: np.ndarray, room: Room) -> np.ndarray:
    height, width = image.shape[:2]
    missing = round(height * _NARROWEST) - width
    if missing <= 0:
        return image
    wide = np.empty((height, width + missing, 3), np.uint8)
    wide[:] = room.paper
    wide[:, missing // 2 : missing // 2 + width] = image
    return wide


class ImagePanel:
    """A folder with the image and its switches. ``changed`` is called when a switch changes."""

    def __init__(self, gui: viser.GuiApi, changed: Callable[[], None]):
        with gui.add_folder("Image"):
            self._picture = gui.add_image(np.full((9, 16, 3), 128, np.uint8))
            hint = "Yellow; a white line leads to the projected body point"
            self._keypoints = gui.add_checkbox("Keypoints", True, hint=hint)
            self._body = gui.add_checkbox("Body", True)
            self._near = gui.add_checkbox("Close-up", False)
        for box in (self._keypoints, self._body, self._near):
            box.on_update(lambda _: changed())

    def show(self, image: np.ndarray | None, seen: Sequence[tuple[Seen, RGB, int]], room: Room) -> None:
        """See :func:`draw`."""
        on = (bool(self._keypoints.value), bool(self._body.value), bool(self._near.value))
        self._picture.image = draw(image, seen, room, *on)


class Losses:
    """A folder in the panel. Stages have different terms, so each starts a new chart."""

    def __init__(self, server: viser.ViserServer):
        self._gui = server.gui
        self._folder = server.gui.add_folder("Solve", order=-1.0)
        with self._folder:
            self._text = server.gui.add_html("")
            self._bar = server.gui.add_progress_bar(0.0)
        self._chart: viser.GuiUplotHandle | None = None
        self._stage = ""
        self._steps: list[int] = []
        self._values: dict[str, list[float]] = {}

    def add(self, snapshot: Snapshot) -> None:
        if snapshot.stage != self._stage or set(snapshot.losses) != set(self._values):
            self._stage, self._steps = snapshot.stage, []
            self._values = {name: [] for name in snapshot.losses}
            if self._chart is not None:
                self._chart.remove()
                self._chart = None
        self._steps.append(snapshot.done)
        for name, value in snapshot.losses.items():
            self._values[name].append(value)
        self._text.content = (
            f"<div style='padding:0 1em;font-size:0.85em'>stage <b>{html.escape(snapshot.stage)}</b>, "
            f"step {snapshot.done} of {snapshot.total}</div>"
        )
        self._bar.value = 100.0 * snapshot.done / max(snapshot.total, 1)  # type: ignore[misc]
        self._draw()

    def finish(self) -> None:
        self._folder.remove()

    def _draw(self) -> None:
        if len(self._steps) < 2 or not self._values:
            return
        data = (np.array(self._steps, float), *(_logarithm(values) for values in self._values.values()))
        if self._chart is not None:
            self._chart.data = data
            return
        series = [uplot.Series(label="step")]
        for number, name in enumerate(self._values):
            series.append(uplot.Series(label=name, stroke=css(RESULTS[number % len(RESULTS)]), width=2))
        with self._folder:
            self._chart = self._gui.add_uplot(
                data,
                tuple(series),
                title="log10 of each term, by step",
                scales={"x": uplot.Scale(time=False)},
                aspect=1.5,
                axes=(_axis(26), _axis(40)),
            )


def _logarithm(values: list[float]) -> np.ndarray:
    """Base 10; a zero (such as a term of a block that has not run yet) is drawn at the smallest nonzero value."""
    array = np.array(values, float)
    good = np.isfinite(array) & (array > 0)
    return np.log10(np.where(good, array, array[good].min() if good.any() else 1.0))


def _axis(size: int) -> uplot.Axis:
    thin = uplot.Axis_Grid(stroke="rgba(128,128,128,0.25)", width=1)
    return uplot.Axis(stroke="#888", size=size, grid=thin, ticks=uplot.Axis_Ticks(show=False))
