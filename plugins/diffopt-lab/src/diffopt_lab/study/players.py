"""Players of a grid: a case each, its rows over one another and over the truth."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from diffopt_core.common.npz import read_npz
from diffopt_core.errors import DiffOptError
from diffopt_core.parts.datasets.case_file import with_truth
from diffopt_core.results.saved import read_result
from diffopt_core.types import Result

from ..report import Page
from ..report.tracks import stage_of
from .model import INITIAL, Case, Study

log = logging.getLogger(__name__)
FOLDER = "players"
#: At most so many cases have one, evenly taken; and a page of so many bytes.
MOST, LARGEST = 6, 8_000_000


@dataclass(frozen=True)
class Players:
    """``pages``: case -> file below the report's folder. ``first``: the frame that shows the first of them."""

    pages: dict[str, str]
    first: str | None


def write_players(study: Study, folder: Path) -> Players:
    """Into ``folder/players``: a page for each of some cases of which results are at hand.

    A result that cannot be read, or shown beside the others, is left out with a notice; a page that would be too large
    is left out whole.
    """
    cases = [case for case in study.cases if any(cell.motion for cell in study.cells if cell.case == case.name)]
    if len(cases) > MOST:
        cases = [cases[i] for i in np.linspace(0, len(cases) - 1, MOST).round().astype(int)]
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
        if row.name == INITIAL or path is None:
            continue
        try:
            result = _with_truth(_read(path), case.truth)
            beside = [*list(results.values())[:1], result]
            stage_of(beside, [row.label] * len(beside))  # raises where it cannot be shown beside the first
            results[row.label] = result
        except DiffOptError as error:
            log.warning("%s, %s: not in the player (%s)", row.label, case.name, error)
    return Page(tuple(results.values()), images=False, labels=tuple(results), title=case.name) if results else None


def _read(path: Path) -> Result:
    """From its folder where it has one, for what lies beside the motion."""
    return read_result(path.parent if path.name == "motion.npz" else path)


def _with_truth(result: Result, truth: Path | None) -> Result:
    if truth is None or not truth.is_file():
        return result
    try:
        return replace(result, clip=with_truth(result.clip, read_npz(truth), truth))
    except DiffOptError as error:
        log.warning("%s: the truth is not in the player (%s)", truth, error)
        return result
