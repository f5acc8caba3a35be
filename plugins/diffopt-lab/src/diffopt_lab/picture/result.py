"""One picture of one result."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from diffopt_core.data.geometry import transform
from diffopt_core.parts.assumed import grounds, marked
from diffopt_core.parts.metrics import OF_ITSELF
from diffopt_core.parts.metrics.report import metrics_named
from diffopt_core.results.saved import truth_beside
from diffopt_core.types import CameraTrajectory, Result, Truth

from .overlay import draw_on_video
from .panels import draw_curves, draw_from_above, draw_losses, steps_of
from .style import FINAL, FINAL_RIGHT, INITIAL, INITIAL_RIGHT, INK, new_figure, save
from .view import SPACING, draw_strip, view_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INSTANTS = 6
_SHOWN = (
    ("rigid_clip", "first_frame", "W-MPJPE100", "WA-MPJPE100", "RTE"),
    ("mpjpe_rigid", "pa_mpjpe", "jitter", "foot_sliding_joints", "path_ratio"),
)


@dataclass(frozen=True)
class Aligned:
    """The ground truth aligned to the result: joints ``(T, 24, 3)``, nan if missing, and its cameras."""

    joints: np.ndarray
    camera: np.ndarray | None  # T 3, positions
    errors: dict[str, np.ndarray]  # "initial" and "final": mm per frame, each after its own rigid fit


def draw_result(result: Result, path: Path | str, truth: Truth | None = None) -> Path:
    """Draw a result as a PNG and return its path.

    Left: paths of root and camera from above, with headings. Right: the body at six frames, final over initial; curves
    over time (the error if there is ground truth, else the speed); the losses by step. ``truth`` defaults to the
    clip's; it is aligned to the final motion by one rotation and translation, without scale.
    """
    known = truth if truth is not None else result.clip.truth
    aligned = _align(result, known) if known is not None else None
    final, initial = (_array(joints) for joints in (result.joints, result.initial_joints))
    figure = new_figure(12.4, 6.8)
    grid = figure.add_gridspec(
        3, 2, left=0.05, right=0.985, top=0.845, bottom=0.075, wspace=0.09, hspace=0.24,
        width_ratios=(0.8, 1.0), height_ratios=(1.0, 1.0, 0.62),
    )  # fmt: skip
    draw_from_above(
        figure.add_subplot(grid[:, 0]), final, initial, aligned.joints if aligned else None,
        _array(result.camera.position), _axis(result.camera), _array(result.initial_camera.position),
        aligned.camera if aligned else None, marked("m", result),
    )  # fmt: skip
    _draw_bodies(figure, grid, result, final, initial, aligned)
    below = grid[2, 1].subgridspec(1, 3, width_ratios=(1.0, 0.95, 0.46), wspace=0.18)
    draw_curves(figure.add_subplot(below[0]), final, initial, result.clip.fps, aligned.errors if aligned else None,
                marked("m/s", result))  # fmt: skip
    draw_losses(figure.add_subplot(below[1]), figure.add_subplot(below[2]), result.log, steps_of(result))
    _write_title(figure, result)
    return save(figure, path)


def _draw_bodies(
    figure: Figure, grid, result: Result, final: np.ndarray, initial: np.ndarray, aligned: Aligned | None
) -> None:
    instants = np.linspace(0, len(final) - 1, min(_INSTANTS, len(final))).round().astype(int)
    labels = [f"{t / result.clip.fps:.1f} s" for t in instants]
    view = view_of(final)
    lines = aligned.joints[instants] if aligned is not None else None
    note = " (right limbs lighter; lines: truth)" if aligned else " (right limbs lighter)"
    rows = (
        (f"recovered{note}", final, (FINAL, FINAL_RIGHT)),
        (f"initial{note}", initial, (INITIAL, INITIAL_RIGHT)),
    )
    for row, (title, joints, colours) in enumerate(rows):
        axes = figure.add_subplot(grid[row, 1])
        axes.set(xlim=(-0.7, (_INSTANTS - 1) * SPACING + 0.7), ylim=(-0.33, 1.95), aspect="equal", anchor="SW")
        axes.set_axis_off()
        figure.draw_without_rendering()  # fixes the axes size, which sets the limb thickness
        draw_strip(axes, view, joints[instants], colours, lines, labels)
        axes.text(0.0, 0.97, title, transform=axes.transAxes, fontsize=9, color=INK, va="bottom")


def _write_title(figure: Figure, result: Result) -> None:
    frames, fps = len(result.joints), result.clip.fps
    figure.text(0.05, 0.955, result.clip.name, fontsize=14, color=INK, weight="bold")
    status = f"{result.status}, not trusted" if result.untrusted else str(result.status)
    about = f"{status}  ·  {frames} frames, {frames / fps:.1f} s at {fps:g} fps  ·  {result.body_model}"
    figure.text(0.985, 0.955, about, fontsize=9, color=INK, ha="right")
    guessed = [ground.what for ground in grounds(result) if ground.guessed]
    if guessed:
        figure.text(0.985, 0.93, f"guessed: {', '.join(guessed)}", fontsize=8, color=INK, ha="right")
    before, after = result.metrics.get("initial", {}), result.metrics.get("final", {})
    for row, names in enumerate(_SHOWN):
        parts = [_figure_of(result, name, before.get(name, math.nan), after[name]) for name in names if name in after]
        figure.text(0.05, 0.922 - 0.028 * row, "     ".join(filter(None, parts)), fontsize=8, color=INK)


def _figure_of(result: Result, name: str, before: float, after: float) -> str:
    """``name before → after unit``; empty for a metric without a value."""
    if not math.isfinite(after):
        return ""
    unit = metrics_named([name])[name].unit
    unit = {"10 m/s^3": "× 10 m/s³"}.get(unit, unit)
    digits = 0 if unit in ("mm", "× 10 m/s³") else 1 if unit == "%" else 2
    start = f"{before:.{digits}f} → " if math.isfinite(before) else ""
    said = marked(unit.removeprefix("× "), result).removeprefix(unit.removeprefix("× ")) if name in OF_ITSELF else ""
    return f"{name} {start}{after:.{digits}f} {unit}{said}".strip()


def _align(result: Result, truth: Truth) -> Aligned | None:
    """None if the fit is not unique or the ground truth has another number of frames."""
    beside = truth_beside(truth, result.joints)
    first = truth_beside(truth, result.initial_joints)
    if beside is None or first is None:
        return None
    errors = {name: _array(one.error.nanmean(-1)) for name, one in (("initial", first), ("final", beside))}
    camera = None if truth.camera is None else truth.camera.position.detach().cpu().double()
    path = None if camera is None else _array(transform(camera, beside.R, beside.t))
    return Aligned(_array(beside.joints), path, errors)


def _array(tensor) -> np.ndarray:
    return tensor.detach().cpu().double().numpy()


def _axis(camera: CameraTrajectory) -> np.ndarray:
    """Viewing direction of each camera: its z axis in the world."""
    return _array(camera.R[:, 2])


class PictureExporter:
    """Implements :class:`diffopt_core.interfaces.Exporter`."""

    def export(self, result: Result, folder: Path) -> list[Path]:
        """``picture.png``, and ``overlay.png`` if the clip has a video."""
        written = [folder / "picture.png"]
        draw_result(result, written[0])
        if result.clip.video is not None:
            written.append(folder / "overlay.png")
            draw_on_video(result, written[1])
        return written
