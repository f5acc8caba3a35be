"""A legend that stays within its panel, however many names there are and however long they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .style import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend
    from matplotlib.transforms import Bbox

#: Font size, and the room between two lines in its units; tried in turn.
_SIZES = ((6.5, 0.5), (6.0, 0.35), (5.5, 0.25), (5.0, 0.15))
_SHORTEST = 8


def draw_legend(axes: Axes, looks: Mapping[str, tuple[str, str]]) -> None:
    """``looks``: name -> colour and dash of its line. Smaller letters first, then shorter names, then fewer of them."""
    for name, (colour, dash) in looks.items():
        axes.plot([], [], label=name, color=colour, linestyle=dash)
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
    """``rest``: a line about those that have none."""
    from matplotlib.lines import Line2D

    handles = [*axes.get_lines()[: len(names)], *(Line2D([], [], linestyle="none") for _ in rest)]
    return axes.legend(
        handles, [*names, *rest], fontsize=size[0], labelspacing=size[1], frameon=False, loc="upper left",
        handlelength=1.4, labelcolor=INK, borderpad=0, borderaxespad=0,
    )  # fmt: skip


def _fits(axes: Axes, legend: Legend) -> bool:
    box, room = _boxes(axes, legend)
    return bool(box.width <= room.width and box.height <= room.height)


def _boxes(axes: Axes, legend: Legend) -> tuple[Bbox, Bbox]:
    """The legend's box and the panel's, px."""
    return legend.get_window_extent(), axes.get_window_extent()


def _short(name: str, longest: int) -> str:
    """The end tells terms apart as well as the beginning, so the middle goes."""
    if len(name) <= longest:
        return name
    head = (longest - 1) // 2
    return f"{name[:head]}…{name[len(name) - (longest - 1 - head) :]}"
