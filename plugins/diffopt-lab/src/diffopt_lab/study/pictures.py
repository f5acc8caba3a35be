"""Pictures of a study: paths from above, and players with the rows of a case and the ground truth overlaid."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from diffopt_core.common.npz import read_npz
from diffopt_core.errors import DiffOptError
from diffopt_core.parts.datasets.case_file import with_truth
from diffopt_core.parts.metrics.evidence import NotScorable, aligned_by
from diffopt_core.results.saved import read_result
from diffopt_core.results.shards import on_disk
from diffopt_core.types import Result

from ..picture.style import CURVES, TRUTH, new_figure, tidy
from ..report import Page
from ..report.tracks import stage_of
from .from_folders import MOTION
from .model import NOT_SOLVED, Case, Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_COLUMNS = 4
_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1, 1.5)))
#: Width of a name in the legend, inches.
_NAME = 2.4
#: Most panels, chosen evenly from the cases.
MOST = 24


def draw_paths(study: Study) -> bytes | None:
    """A PNG, or None if no case has a ground-truth file or no cell has a motion."""
    panels = [case for case in study.cases if case.truth is not None and case.truth.is_file()]
    lines = [row for row in study.rows if any(cell.motion for cell in study.of(row.name))]
    if not panels or not lines:
        return None
    panels = evenly(panels, MOST)
    columns = min(_COLUMNS, len(panels))
    down = -(-len(panels) // columns)
    figure = new_figure(3.1 * columns, 2.9 * down + 0.5)
    grid = figure.subplots(down, columns, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    handles = {}
    for axes, case in zip(grid.flat, panels, strict=False):
        tidy(axes, title=case.name)
        axes.set_aspect("equal", adjustable="datalim")
        axes.grid(color="#EDEDED", linewidth=0.6)
        true = _joints(case.truth)
        if true is None:
            continue
        handles["truth"] = _path(axes, true, TRUTH, 2.2, "-")
        for index, row in enumerate(lines):
            motion = next((c.motion for c in study.of(row.name) if c.case == case.name and c.motion), None)
            own = _joints(motion)
            if own is None or own.shape != true.shape:
                continue
            fitted = _on(own, true)
            style = _DASHES[index // len(CURVES) % len(_DASHES)]
            handles[row.label] = _path(axes, fitted, CURVES[index % len(CURVES)], 1.2, style)
        axes.invert_yaxis()
    across = max(1, int(3.1 * columns / _NAME))
    below = 0.2 + 0.17 * -(-len(handles) // across)
    figure.legend(handles.values(), handles.keys(), loc="lower center", ncols=across, fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, below / (2.9 * down + 0.5), 1, 1))
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    return file.getvalue()


def evenly(cases: Sequence[Any], most: int) -> list[Any]:
    """So many of them at most, from the first to the last."""
    if len(cases) <= most:
        return list(cases)
    return [cases[i] for i in np.linspace(0, len(cases) - 1, most).round().astype(int)]


def _on(own: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Rigid fit over the frames in which both are finite; unchanged if the fit is not unique."""
    good = np.isfinite(own).all((1, 2)) & np.isfinite(true).all((1, 2))
    pair = torch.from_numpy(own[good]), torch.from_numpy(true[good])
    try:
        return aligned_by(*pair, torch.from_numpy(own), scale=False).numpy()
    except NotScorable:
        return own


def _path(axes: Axes, joints: np.ndarray, colour: str, width: float, style: object):
    """Root path on the floor, with a disc at its end."""
    root = joints[:, 0]
    (line,) = axes.plot(root[:, 0], root[:, 2], color=colour, linewidth=width, linestyle=style)  # type: ignore[arg-type]
    axes.plot(root[-1, 0], root[-1, 2], "o", color=colour, markersize=2.5)
    return line


def _joints(path: Path | None) -> np.ndarray | None:
    """``T 24 3``, double; None if missing."""
    if path is None:
        return None
    there = on_disk(path)
    path = there / MOTION if there.is_dir() else there
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as file:
        return file["joints"].astype(np.float64) if "joints" in file.files else None


log = logging.getLogger(__name__)
FOLDER = "players"
#: Most cases with a player, chosen evenly; largest page in bytes.
MOST_PLAYERS, LARGEST = 6, 8_000_000


@dataclass(frozen=True)
class Players:
    """``pages``: case -> file below the report's folder. ``first``: the iframe of the first page."""

    pages: dict[str, str]
    first: str | None


def write_players(study: Study, folder: Path) -> Players:
    """Write ``folder/players``: a page for each of some cases with available results.

    A result that cannot be read, or not be compared with the others, is omitted with a notice; so is a page that would
    be too large.
    """
    made = {cell.case for cell in study.cells if cell.motion}
    cases = [case for case in study.cases if case.name in made]
    cases = evenly([case for case in cases if case.truth is not None] or cases, MOST_PLAYERS)
    pages: dict[str, str] = {}
    first = None
    for case in cases:
        page = _page(study, case)
        if page is None or len(page.html) > LARGEST:
            continue
        name = f"{FOLDER}/{re.sub(r'[^A-Za-z0-9._-]+', '_', case.name)}.html"
        page.write(folder / name)
        pages[case.name] = name
        first = first or page.frame()
    return Players(pages, first)


def _page(study: Study, case: Case) -> Page | None:
    results: dict[str, Result] = {}
    for row in study.rows:
        path = next((c.motion for c in study.of(row.name) if c.case == case.name and c.motion), None)
        if row.name in NOT_SOLVED or path is None:
            continue
        try:
            result = _with_truth(_read(path), case.truth)
            beside = [*list(results.values())[:1], result]
            stage_of(beside, [row.label] * len(beside))  # raises if it cannot be compared with the first
            results[row.label] = result
        except DiffOptError as error:
            log.warning("%s, %s: not in the player (%s)", row.label, case.name, error)
    return Page(tuple(results.values()), images=False, labels=tuple(results), title=case.name) if results else None


def _read(path: Path) -> Result:
    """Read the result's folder if there is one, for its other files."""
    return read_result(path.parent if path.name == MOTION else path)


def _with_truth(result: Result, truth: Path | None) -> Result:
    if truth is None or not truth.is_file():
        return result
    try:
        return replace(result, clip=with_truth(result.clip, read_npz(truth), truth))
    except DiffOptError as error:
        log.warning("%s: the truth is not in the player (%s)", truth, error)
        return result
