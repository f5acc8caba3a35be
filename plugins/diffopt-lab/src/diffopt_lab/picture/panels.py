"""The panels of a result's picture: top view, curves over time, losses over steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from diffopt_core.data.skeleton import JOINT

from .style import CAMERA, CURVES, FAINT, FINAL, INITIAL, INK, TRUTH, draw_legend, tidy
from .view import heading

if TYPE_CHECKING:
    from diffopt_core.types import Result
    from matplotlib.axes import Axes

#: Stage -> term -> values.
Losses = Mapping[str, Mapping[str, list[float]]]

_ARROWS = 9
_DASHES = ("-", "--", ":", "-.")
_DECADES = 7  #: largest range of the loss axis


def draw_from_above(
    axes: Axes,
    final: np.ndarray,
    initial: np.ndarray,
    truth: np.ndarray | None,
    camera: np.ndarray,
    camera_axis: np.ndarray,
    initial_camera: np.ndarray,
    true_camera: np.ndarray | None,
    unit: str = "m",
) -> None:
    """Root and camera paths on the floor plane, seen from above: x to the right, z down the page. ``unit``: of the
    axes."""
    tidy(
        axes,
        xlabel=f"x, {unit}",
        ylabel=f"z, {unit}",
        title="paths from above (ring: start, disc: end, arrows: heading)",
    )
    axes.set_aspect("equal", adjustable="datalim")
    axes.grid(color="#EDEDED", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.plot(*_floor(initial_camera), color=INITIAL, linewidth=0.9, linestyle=(0, (1, 1.5)), label="initial camera")
    if true_camera is not None:
        axes.plot(*_floor(true_camera), color=TRUTH, linewidth=0.9, linestyle=(0, (1, 1.5)), label="true camera")
    axes.plot(*_floor(camera), color=CAMERA, linewidth=1.4, label="camera")
    _draw_frusta(axes, camera, camera_axis, size=0.06 * _extent(final, initial, camera))
    axes.plot(*_floor(initial[:, 0]), color=INITIAL, linewidth=1.4, label="initial")
    axes.plot(*_floor(final[:, 0]), color=FINAL, linewidth=3.0, solid_capstyle="round", label="recovered")
    if truth is not None:
        root = _root(truth)
        axes.plot(
            *_floor(root), color=TRUTH, linewidth=1.3, linestyle=(0, (4, 1.5)), label="truth (rigid fit, no scale)"
        )
        _mark_ends(axes, root, TRUTH)
    _mark_ends(axes, initial[:, 0], INITIAL)
    _mark_ends(axes, final[:, 0], FINAL)
    _draw_headings(axes, final, length=0.05 * _extent(final, initial, camera))
    axes.invert_yaxis()
    axes.margins(0.06)
    axes.legend(
        loc="best", fontsize=7, frameon=True, framealpha=0.85, edgecolor="none", labelcolor=INK, handlelength=2.4
    )


def draw_curves(
    axes: Axes,
    final: np.ndarray,
    initial: np.ndarray,
    fps: float,
    errors: dict[str, np.ndarray] | None,
    unit: str = "m/s",
) -> None:
    """Error per frame after a rigid fit if there is ground truth, else the speed of the pelvis, in ``unit``."""
    if errors is not None:
        tidy(axes, xlabel="time (s)", title="rigid_clip error (mm)")
        series = errors
    else:
        tidy(axes, xlabel="time (s)", title=f"pelvis speed, {unit}")
        series = {"initial": _speed(initial, fps), "final": _speed(final, fps)}
    for name, colour in (("initial", INITIAL), ("final", FINAL)):
        values = series[name]
        axes.plot(np.arange(len(values)) / fps, values, color=colour, linewidth=1.2)
    axes.set_ylim(bottom=0.0)
    axes.margins(x=0.01)


def draw_losses(axes: Axes, legend: Axes, log: Losses, steps: Mapping[str, int]) -> None:
    """Losses on a logarithmic axis; every stage gets the same width, so that short ones are visible. ``steps``: of each
    stage."""
    tidy(axes, title="losses")
    legend.set_axis_off()
    terms = list(dict.fromkeys(term for losses in log.values() for term in losses))
    ticks, drawn = [], set()
    for place, (stage, losses) in enumerate(log.items()):
        ticks.append(f"{stage}\n{steps[stage]} steps")
        if place:
            axes.axvline(place, color=FAINT, linewidth=0.6)
        for term, raw in losses.items():
            values = np.asarray(raw, dtype=float)
            values = np.where(np.isfinite(values) & (values > 0), values, np.nan)
            if np.isfinite(values).any():
                drawn.add(term)
                # A term that is logged less often still spans its stage.
                x = place + np.linspace(0.02, 0.98, len(values))
                colour, dash = _look(terms.index(term))
                dot = "." if len(values) < 2 else ""
                axes.plot(x, values, color=colour, linestyle=dash, linewidth=0.9, marker=dot)
    if not drawn:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no losses logged", transform=axes.transAxes, ha="center", fontsize=8, color=FAINT)
        return
    axes.set_yscale("log")
    # A term near zero has no lower bound; limit the axis so that the others are visible.
    axes.set_ylim(bottom=max(axes.get_ylim()[0], axes.get_ylim()[1] * 10.0**-_DECADES))
    axes.set_xlim(0, len(log))
    axes.set_xticks(np.arange(len(log)) + 0.5, ticks, fontsize=6)
    axes.tick_params(axis="x", length=0)
    draw_legend(legend, {term: _look(n) for n, term in enumerate(terms) if term in drawn})


def steps_of(result: Result) -> dict[str, int]:
    """Steps done in each logged stage: those of its blocks together, as the progress bar counts them. A stage that is
    not in the result's recipe counts as one block."""
    return {name: _steps(result.recipe.get("stage", {}).get(name, {}), losses) for name, losses in result.log.items()}


def _steps(stage: Mapping[str, Any], losses: Mapping[str, list[float]]) -> int:
    """A term of two blocks is logged as ``block.term``."""
    terms = [(block, stage.get(block, {}).get("terms", ())) for block in stage.get("blocks", ())]
    named = [[f"{block}.{term}" if f"{block}.{term}" in losses else term for term in own] for block, own in terms]
    return sum(max((len(losses.get(name, ())) for name in names), default=0) for names in named or [list(losses)])


def _look(number: int) -> tuple[str, str]:
    """Colour and dash of a curve. Both change from one to the next, as neighbours and thin lines are easily confused;
    7 colours and 4 dashes have no common divisor, so that 28 curves differ."""
    return CURVES[number % len(CURVES)], _DASHES[number % len(_DASHES)]


def _floor(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return points[:, 0], points[:, 2]


def _root(joints: np.ndarray) -> np.ndarray:
    """The pelvis if available, else the mean of the hips (nan without either)."""
    if np.isfinite(joints[:, 0]).any():
        return joints[:, 0]
    return joints[:, [JOINT["left_hip"], JOINT["right_hip"]]].mean(1)


def _extent(*paths: np.ndarray) -> float:
    points = np.concatenate([p.reshape(len(p), -1, 3)[:, 0] for p in paths])[:, [0, 2]]
    points = points[np.isfinite(points).all(-1)]
    return float(max(np.ptp(points, axis=0).max(), 1.0)) if len(points) else 1.0


def _speed(joints: np.ndarray, fps: float) -> np.ndarray:
    return np.linalg.norm(np.diff(joints[:, 0], axis=0), axis=-1) * fps


def _mark_ends(axes: Axes, path: np.ndarray, colour: str) -> None:
    """A ring at the start of the path, a disc at its end."""
    axes.plot(*_floor(path[:1]), marker="o", markersize=6, markerfacecolor="white", color=colour, zorder=5)
    axes.plot(*_floor(path[-1:]), marker="o", markersize=6, color=colour, markeredgecolor="white", zorder=5)


def _draw_headings(axes: Axes, joints: np.ndarray, length: float) -> None:
    travelled = np.ptp(joints[:, 0, [0, 2]], axis=0).max()
    count = int(np.clip(travelled / length, 2, _ARROWS))  # few arrows for a standing person
    at = np.unique(np.linspace(0, len(joints) - 1, count).round().astype(int))
    forward = heading(joints)[at] * length
    axes.quiver(
        *_floor(joints[at, 0]), *_floor(forward), angles="xy", scale_units="xy", scale=1, color=INK, width=0.003,
        headwidth=4.5, headlength=5, headaxislength=4.5, zorder=6,
    )  # fmt: skip


def _draw_frusta(axes: Axes, position: np.ndarray, axis: np.ndarray, size: float) -> None:
    """A wedge in the viewing direction at the start, the middle and the end."""
    for t in sorted({0, len(position) // 2, len(position) - 1}):
        ahead = axis[t, [0, 2]]
        if np.linalg.norm(ahead) < 1e-3:  # looks straight down
            continue
        ahead = size * ahead / np.linalg.norm(ahead)
        side = 0.45 * np.array([-ahead[1], ahead[0]])
        corners = position[t, [0, 2]] + np.stack([np.zeros(2), ahead + side, ahead - side])
        axes.fill(*corners.T, facecolor=CAMERA, edgecolor=CAMERA, alpha=0.35, linewidth=0.8)
