"""Grids: a case's rows in one player, links to the pages of single results, and what is left out."""

from __future__ import annotations

import logging
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from diffopt_core.parts.exporters import NpzExporter
from diffopt_lab.study import Case, Cell, Column, Row, State, Study, write_report
from diffopt_lab.study.pictures import MOST_PLAYERS
from report_cases import walk


def saved(folder: Path, aside: float = 0.0, frames: int = 12) -> Path:
    result = walk(frames)
    moved = replace(
        result, joints=result.joints + aside, motion=replace(result.motion, trans=result.motion.trans + aside)
    )
    (path,) = NpzExporter().export(moved, folder)
    return path


def study(folder: Path, cases: int = 2) -> Study:
    names = [f"case {n}" for n in range(cases)]
    cells = tuple(
        Cell(row, name, 0, State.DONE, {"m": 1.0}, motion=saved(folder / row / name, aside))
        for row, aside in (("paper", 0.0), ("best", 0.1))
        for name in names
    )
    rows = (Row("paper", "The <paper>"), Row("best", "Best"))
    return Study(
        "t", "T", "d", rows, tuple(Case(name, "s", 12, 30.0) for name in names), cells, (Column("m", "m"),),
        {"m": "mm"}, "paper",
    )  # fmt: skip


def test_a_player_of_all_rows(tmp_path):
    made = study(tmp_path / "cells")
    (tmp_path / "cells/best/case 1/report.html").write_text("one")
    files = write_report(made, tmp_path)
    pages = [path for path in files if path.parent.name == "players"]
    assert [path.name for path in pages] == ["case_0.html", "case_1.html"]
    own = pages[0].read_text()
    assert '"label":"Best"' in own and '"label":"The \\u003cpaper>"' in own
    assert own.count('"vertices"') == 1, "results of one body share a mesh"
    page = (tmp_path / "report.html").read_text()
    assert own in unescape(page), "the first is in the report itself"
    assert "<a href='players/case_1.html'>case 1</a>" in page
    assert "<li>Best: <a href='cells/best/case%201/report.html'>case 1</a></li>" in page
    assert len(page) < 1_500_000


def test_what_cannot_be_shown_is_told(tmp_path, caplog):
    made = study(tmp_path / "cells", cases=1)
    saved(tmp_path / "cells/best/case 0", frames=20)
    with caplog.at_level(logging.WARNING):
        write_report(made, tmp_path)
    assert "Best, case 0: not in the player" in caplog.text and "has 20 frames" in caplog.text
    assert '"label":"Best"' not in (tmp_path / "players/case_0.html").read_text()


@pytest.mark.slow
def test_some_of_many_cases(tmp_path):
    files = write_report(study(tmp_path / "cells", cases=MOST_PLAYERS + 3), tmp_path)
    assert len([path for path in files if path.parent.name == "players"]) == MOST_PLAYERS


def test_no_results_no_player(tmp_path):
    made = study(tmp_path / "cells", cases=1)
    bare = replace(made, cells=tuple(replace(cell, motion=None) for cell in made.cells))
    files = write_report(bare, tmp_path)
    assert not (tmp_path / "players").exists() and "<iframe" not in (tmp_path / "report.html").read_text()
    assert len(files) == len({path.name for path in files})


@pytest.mark.parametrize("limit", [1000])
def test_a_page_too_large_is_left_out(tmp_path, monkeypatch, limit):
    monkeypatch.setattr("diffopt_lab.study.pictures.LARGEST", limit)
    assert not [path for path in write_report(study(tmp_path / "cells", 1), tmp_path) if path.parent.name == "players"]
