"""Contact sheet: motions as stick figures in a row of instants, each with its path from above."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from diffopt_core.datasets.npz import atomic
from diffopt_core.skeleton import JOINT, JOINTS, PARENTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito: trunk and left limbs dark, right limbs light, the path orange.
_LEFT, _RIGHT, _PATH, _INK, _FAINT = "#0072B2", "#56B4E9", "#D55E00", "#333333", "#C8C8C8"
_COLUMNS, _BODIES = 4, 6
_SPACING = 0.95  # m between the bodies of a strip
_TURN, _ELEVATION = math.radians(55.0), math.radians(8.0)  # off the heading; above the floor
_BONES = [(child, parent) for child, parent in enumerate(PARENTS) if parent >= 0]
_COLOURS = [_RIGHT if JOINTS[child].startswith("right_") else _LEFT for child, _ in _BONES]


def draw(path: Path, joints: np.ndarray, fps: float, title: str) -> None:
    """PNG of ``joints`` (B, T, 24, 3), world, m. Bodies stand side by side whatever way they went: the way is the
    inset's, from above, from the ring to the dot, in a square whose side is written beside it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(_COLUMNS, len(joints))
    rows = math.ceil(len(joints) / columns)
    figure = Figure(figsize=(4.0 * columns, 1.4 * rows + 0.4), facecolor="white")
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.01, ha="left", fontsize=9, color=_INK)
    grid = figure.subplots(rows, columns, squeeze=False)
    top = 1 - 0.36 / figure.get_figheight()
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.02, top=top, wspace=0.03, hspace=0.02)
    for number, axes in enumerate(grid.flat):
        axes.set_axis_off()
        if number < len(joints):
            _panel(axes, joints[number], number, fps)
    with atomic(path) as file:
        figure.savefig(file, dpi=110, format="png")


def _panel(axes: Axes, joints: np.ndarray, number: int, fps: float) -> None:
    from matplotlib.collections import LineCollection

    picks = np.linspace(0, len(joints) - 1, _BODIES).round().astype(int)
    width = _SPACING * (_BODIES - 1)
    axes.plot([-0.5, width + 0.5], [0, 0], color=_FAINT, linewidth=0.8, zorder=0)
    for k, frame in enumerate(picks):
        body = joints[frame] - joints[frame, 0] * (1.0, 0.0, 1.0)
        flat = _screen(body, joints[0]) + np.array([k * _SPACING, 0.0])
        lines: Any = [flat[list(bone)] for bone in _BONES]
        axes.add_collection(LineCollection(lines, colors=_COLOURS, linewidths=1.8, capstyle="round"))
        head = flat[JOINT["head"]]
        axes.plot(*head, "o", color=_LEFT, markersize=4.5)
        axes.text(k * _SPACING, -0.16, f"{frame / fps:.1f} s", ha="center", va="top", fontsize=5.5, color=_INK)
    axes.set_xlim(-0.6, width + 2.0)
    axes.set_ylim(-0.45, 2.05)
    axes.set_aspect("equal")
    axes.text(-0.55, 2.0, f"{number}", fontsize=7, color=_INK, va="top", weight="bold")
    _inset(axes, joints[:, 0, [0, 2]], width)


def _inset(axes: Axes, path: np.ndarray, width: float) -> None:
    """The path in a square of a whole number of metres."""
    side = float(max(1.0, math.ceil(np.ptp(path, axis=0).max())))
    low = (path.max(0) + path.min(0) - side) / 2
    size, corner = 1.1, np.array([width + 0.75, 0.55])
    # +X of the world is left of someone who looks along +Z: drawn as seen from above, +Z up, so X is turned round.
    flat = (path - low) / side * size
    flat = np.stack([size - flat[:, 0], flat[:, 1]], 1) + corner
    axes.plot(*np.array([(0, 0), (size, 0), (size, size), (0, size), (0, 0)]).T + corner[:, None], color=_FAINT, lw=0.6)
    axes.plot(*flat.T, color=_PATH, linewidth=1.1)
    axes.plot(*flat[0], "o", markerfacecolor="white", markeredgecolor=_PATH, markersize=3.5, markeredgewidth=0.9)
    axes.plot(*flat[-1], "o", color=_PATH, markersize=3.0)
    length = np.linalg.norm(np.diff(path, axis=0), axis=-1).sum()
    text = f"{side:g} m square\npath {length:.1f} m"
    axes.text(corner[0] + size / 2, corner[1] - 0.08, text, ha="center", va="top", fontsize=5.5, color=_INK)


def _screen(body: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Right and up (m) of a body seen from ``_TURN`` off the way that the first body faces."""
    across = first[[JOINT["left_hip"], JOINT["left_shoulder"]]].sum(0)
    across = across - first[[JOINT["right_hip"], JOINT["right_shoulder"]]].sum(0)
    forward = np.cross(across, (0.0, 1.0, 0.0))
    angle = math.atan2(forward[0], forward[2]) + _TURN
    towards = np.array([math.sin(angle), 0.0, math.cos(angle)])
    right = np.array([towards[2], 0.0, -towards[0]])
    up = math.cos(_ELEVATION) * np.array([0.0, 1.0, 0.0]) - math.sin(_ELEVATION) * towards
    return np.stack([body @ right, body @ up], axis=-1)
