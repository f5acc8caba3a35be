"""Bodies seen from the side: our own orthographic view, with depth order and shadows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from diffopt_core.data.skeleton import JOINT

from .style import BONES, FLOOR, INK, SHADOW, thickness

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_UP = np.array([0.0, 1.0, 0.0])
_ELEVATION = np.radians(13.0)
_TURN = np.radians(28.0)  # off the pure side view, so that both legs are visible
_TRAVELS = 0.6  # m between the ends of the path, below which the body's heading sets the view
SPACING = 1.2  # m between the bodies of a strip

_HALF_FLOOR = 0.62  # m, half the depth of the strip of floor


def _chain(*names: str) -> list[tuple[int, int]]:
    joints = [JOINT[name] for name in names]
    return list(zip(joints[1:], joints[:-1], strict=True))


#: Pieces drawn without inner outlines: bones (child, parent) and the index of their colour.
_PIECES = (
    (_chain("neck", "head"), 0),
    *((_chain(f"{s}_hip", f"{s}_knee", f"{s}_ankle", f"{s}_foot"), c) for c, s in enumerate(("left", "right"))),
    *((_chain(f"{s}_shoulder", f"{s}_elbow", f"{s}_wrist", f"{s}_hand"), c) for c, s in enumerate(("left", "right"))),
)
_TRUNK = [JOINT[name] for name in ("left_shoulder", "right_shoulder", "right_hip", "left_hip")]
_TRUNK_WIDTH, _HEAD = 0.11, 0.105  # m


@dataclass(frozen=True)
class View:
    """Screen axes in the world: right, up, and towards the viewer."""

    right: np.ndarray
    up: np.ndarray
    towards: np.ndarray

    def screen(self, points: np.ndarray) -> np.ndarray:
        """Points ``(…, 3)`` as right, up and depth towards the viewer."""
        return points @ np.stack([self.right, self.up, self.towards], axis=-1)


def heading(joints: np.ndarray) -> np.ndarray:
    """Facing direction of bodies ``(T, 24, 3)``, horizontal unit vectors: hip and shoulder axis cross up."""
    left = joints[:, [JOINT["left_hip"], JOINT["left_shoulder"]]].mean(1)
    right = joints[:, [JOINT["right_hip"], JOINT["right_shoulder"]]].mean(1)
    forward = np.cross(left - right, _UP)
    return forward / np.maximum(np.linalg.norm(forward, axis=-1, keepdims=True), 1e-9)


def view_of(joints: np.ndarray) -> View:
    """People who travel move from left to right, slightly towards the viewer; others are seen from the front."""
    travel = (joints[-1, 0] - joints[0, 0]) * (1.0, 0.0, 1.0)
    facing = heading(joints).mean(0)
    if np.linalg.norm(travel) > _TRAVELS:
        side = travel / np.linalg.norm(travel)
        towards = np.cross(side, _UP) * np.cos(_TURN) + side * np.sin(_TURN)
    elif np.linalg.norm(facing) > 1e-3:
        facing /= np.linalg.norm(facing)
        towards = facing * np.cos(_TURN) - np.cross(facing, _UP) * np.sin(_TURN)
    else:
        towards = np.array([0.0, 0.0, 1.0])
    right = np.cross(_UP, towards)
    return View(
        right=right,
        up=_UP * np.cos(_ELEVATION) - towards * np.sin(_ELEVATION),
        towards=towards * np.cos(_ELEVATION) + _UP * np.sin(_ELEVATION),
    )


def draw_strip(
    axes: Axes, view: View, bodies: np.ndarray, colours: tuple[str, str], lines: np.ndarray | None, labels: list[str]
) -> None:
    """Bodies ``(N, 24, 3)`` in a row with their shadows; ``lines``: bodies drawn as thin lines at the same positions.

    Every body is drawn at its own mark: the horizontal pelvis position is removed, the height over the floor (y = 0) is
    kept. Set the axes limits first, as they determine the limb thickness.
    """
    scale = _points_per_metre(axes)
    depth = _HALF_FLOOR * np.sin(_ELEVATION)
    axes.fill_between(axes.get_xlim(), -depth, depth, color=FLOOR, linewidth=0, zorder=0)
    for n, (body, label) in enumerate(zip(bodies, labels, strict=True)):
        mark = np.array([n * SPACING, 0.0])
        _draw_shadow(axes, view, _centred(body), mark, scale)
        _draw_body(axes, view, _centred(body), mark, colours, scale)
        if lines is not None and np.isfinite(lines[n]).any():
            _draw_lines(axes, view, _centred(lines[n]), mark)
        axes.text(n * SPACING, -depth - 0.05, label, ha="center", va="top", fontsize=7, color=INK)


def _centred(body: np.ndarray) -> np.ndarray:
    """Without the horizontal position of the pelvis, or of the hips if there is no pelvis."""
    root = body[0] if np.isfinite(body[0]).all() else body[[JOINT["left_hip"], JOINT["right_hip"]]].mean(0)
    return body - root * (1.0, 0.0, 1.0)


def _points_per_metre(axes: Axes) -> float:
    low, high = axes.get_xlim()
    figure = axes.get_figure()
    assert figure is not None
    return axes.get_window_extent().width / (high - low) * 72.0 / figure.dpi


def _draw_shadow(axes: Axes, view: View, body: np.ndarray, mark: np.ndarray, scale: float) -> None:
    from matplotlib.collections import LineCollection

    flat = view.screen(body * (1.0, 0.0, 1.0))[:, :2] + mark
    widths = [thickness(child) * scale for child, _ in BONES]
    axes.add_collection(
        LineCollection([flat[list(b)] for b in BONES], linewidths=widths, colors=SHADOW, capstyle="round", zorder=1)
    )


def _draw_body(
    axes: Axes, view: View, body: np.ndarray, mark: np.ndarray, colours: tuple[str, str], scale: float
) -> None:
    """Far pieces first, each with a white outline to separate it from what it crosses."""
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Circle, Polygon

    screen = view.screen(body)
    place, near = screen[:, :2] + mark, screen[:, 2]
    pieces = [(near[[j for bone in bones for j in bone]].mean(), bones, colour) for bones, colour in _PIECES]
    pieces.append((near[_TRUNK].mean(), [], 0))
    for rank, (_, bones, colour) in enumerate(sorted(pieces, key=lambda piece: piece[0])):
        order = 10 + 3 * rank
        if not bones:
            for shade, extra in (("white", 1.4), (colours[0], 0.0)):
                axes.add_patch(
                    Polygon(
                        place[_TRUNK], facecolor=shade, edgecolor=shade, linewidth=_TRUNK_WIDTH * scale + extra,
                        joinstyle="round", zorder=order,
                    )
                )  # fmt: skip
            continue
        segments = [place[[parent, child]] for child, parent in bones]
        widths = np.array([thickness(child) * scale for child, _ in bones])
        for shade, extra in (("white", 1.4), (colours[colour], 0.0)):
            axes.add_collection(
                LineCollection(segments, linewidths=widths + extra, colors=shade, capstyle="round", zorder=order)
            )
        if bones[0][0] == JOINT["head"]:
            top = place[JOINT["head"]] + 0.3 * (place[JOINT["head"]] - place[JOINT["neck"]])
            axes.add_patch(
                Circle(
                    (top[0], top[1]), _HEAD, facecolor=colours[0], edgecolor="white", linewidth=0.7, zorder=order + 1
                )
            )


def _draw_lines(axes: Axes, view: View, body: np.ndarray, mark: np.ndarray) -> None:
    place = view.screen(body)[:, :2] + mark
    for bone in BONES:
        axes.plot(*place[list(bone)].T, color=INK, linewidth=0.9, solid_capstyle="round", zorder=60)
    axes.plot(*place.T, color=INK, linestyle="none", marker="o", markersize=1.5, zorder=61)
