"""Colours, lines and legends of pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffopt_core.common.npz import atomic
from diffopt_core.data.skeleton import JOINT, PARENTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend
    from matplotlib.transforms import Bbox


# Okabe and Ito's palette: distinguishable under the common colour vision deficiencies, and in grey by lightness.
FINAL, FINAL_RIGHT = "#0072B2", "#56B4E9"
INITIAL, INITIAL_RIGHT = "#D55E00", "#F0A868"
TRUTH = "#1A1A1A"
CAMERA = "#009E73"
KEYPOINT = "#F0E442"
INK, FAINT, SHADOW, FLOOR = "#333333", "#B8B8B8", "#DADADA", "#F4F4F2"
CURVES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#333333")

#: Child and parent of every bone.
BONES: tuple[tuple[int, int], ...] = tuple((child, parent) for child, parent in enumerate(PARENTS) if parent >= 0)

_THICK = {JOINT[name]: width for name, width in (
    ("spine1", 0.17), ("spine2", 0.17), ("spine3", 0.18), ("neck", 0.13), ("head", 0.08), ("left_hip", 0.14),
    ("right_hip", 0.14), ("left_collar", 0.12), ("right_collar", 0.12), ("left_shoulder", 0.11),
    ("right_shoulder", 0.11), ("left_knee", 0.12), ("right_knee", 0.12), ("left_ankle", 0.09), ("right_ankle", 0.09),
    ("left_elbow", 0.08), ("right_elbow", 0.08),
)}  # fmt: skip


def thickness(child: int) -> float:
    """Drawn diameter of the bone that ends in this joint, m; not from a body model."""
    return _THICK.get(child, 0.065)


def is_right(child: int) -> bool:
    return child in _RIGHT


_RIGHT = frozenset(index for name, index in JOINT.items() if name.startswith("right_"))


def new_figure(width: float, height: float) -> Figure:
    """A figure on the Agg canvas, outside pyplot: no window, no global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def tidy(axes: Axes, **labels: str) -> None:
    """Thin frame, small grey ticks."""
    axes.tick_params(labelsize=7, colors=INK, length=2.5, width=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_linewidth(0.6)
        axes.spines[side].set_color(FAINT)
    title = labels.pop("title", "")
    axes.set(**labels)
    axes.set_title(title, loc="left", fontsize=9, color=INK)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_fontsize(8)
        label.set_color(INK)


def save(figure: Any, path: Path | str, dpi: int = 150) -> Path:
    """Write the PNG atomically."""
    path = Path(path)
    with atomic(path) as file:
        figure.savefig(file, dpi=dpi, format="png")
    return path


#: Font size and line spacing in font units; tried in order.
_SIZES = ((6.5, 0.5), (6.0, 0.35), (5.5, 0.25), (5.0, 0.15))
_SHORTEST = 8


def draw_legend(axes: Axes, looks: Mapping[str, tuple[str, str]]) -> None:
    """``looks``: name -> colour and dash of its line. If space is short: smaller letters first, then shorter names,
    then fewer names."""
    for name, (colour, dash) in looks.items():
        axes.plot([], [], label=name, color=colour, linestyle=dash, linewidth=0.9)
    names = list(looks)
    for size in _SIZES:
        if _fits(axes, _legend(axes, names, size)):
            return
    kept, longest = len(names), max(map(len, names))
    while True:
        rest = [f"and {len(names) - kept} more"] if kept < len(names) else []
        legend = _legend(axes, [_short(name, longest) for name in names[:kept]], _SIZES[-1], rest)
        box, room = _boxes(axes, legend)
        if box.width > room.width and longest > _SHORTEST:
            longest -= 1
        elif box.height > room.height and kept > 1:
            kept -= 1
        else:
            return


def _legend(axes: Axes, names: list[str], size: tuple[float, float], rest: Sequence[str] = ()) -> Legend:
    """``rest``: omitted names, summarised in one line."""
    from matplotlib.lines import Line2D

    handles = [*axes.get_lines()[: len(names)], *(Line2D([], [], linestyle="none") for _ in rest)]
    return axes.legend(
        handles, [*names, *rest], fontsize=size[0], labelspacing=size[1], frameon=False, loc="upper left",
        handlelength=2.4, labelcolor=INK, borderpad=0, borderaxespad=0,
    )  # fmt: skip


def _fits(axes: Axes, legend: Legend) -> bool:
    box, room = _boxes(axes, legend)
    return bool(box.width <= room.width and box.height <= room.height)


def _boxes(axes: Axes, legend: Legend) -> tuple[Bbox, Bbox]:
    """The legend's box and the panel's, px."""
    return legend.get_window_extent(), axes.get_window_extent()


def _short(name: str, longest: int) -> str:
    """Shorten in the middle, as both ends distinguish terms."""
    if len(name) <= longest:
        return name
    head = (longest - 1) // 2
    return f"{name[:head]}…{name[len(name) - (longest - 1 - head) :]}"
