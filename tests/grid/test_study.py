"""Numbers of a report on data whose answer is known."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from diffopt_lab.commands.sheets import print_failures
from diffopt_lab.study import Case, Cell, Column, Row, State, Study, write_report
from diffopt_lab.study.data import failures
from diffopt_lab.study.layouts import main
from diffopt_lab.study.stats import holm, interval, paired, summary, wilcoxon
from hypothesis import given
from hypothesis import strategies as st

VALUES = {"base": [10.0, 20.0, 30.0, 40.0, 50.0, 60.0], "worse": [11.0, 22.0, 33.0, 44.0, 55.0, 66.0]}


def study(layout="differences", skip=(), seeds=(0,), **changes):
    rows = (Row("base", "Base", "Full", {"a": 1}), Row("worse", "Worse", "Bypassed", {"a": 2}))
    cases = tuple(Case(f"c{i}", f"s{i // 2}", 100, 30.0) for i in range(6))
    cells = tuple(
        Cell(row.name, case.name, seed, State.FAILED, error="it | broke")
        if (row.name, case.name) in skip
        else Cell(
            row.name, case.name, seed, State.DONE, {"m": VALUES[row.name][i] + seed, "n": math.nan}, {"warmup": 1.5}, 6
        )
        for row in rows
        for i, case in enumerate(cases)
        for seed in seeds
    )
    given_ = {"columns": (Column("Error", "m"), Column("None", "n")), "units": {"m": "mm", "n": "mm"}} | changes
    return Study("t", "Table", "6 simulated cases", rows, cases, cells, reference="base", layout=layout, **given_)


def test_bootstrap_interval_is_that_of_theory():
    """For a large sample of known spread the interval is mean +- 1.96 s / sqrt(n)."""
    values = np.random.default_rng(1).normal(5.0, 2.0, 400)
    low, high = interval(values.tolist())
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.03)
    assert high == pytest.approx(values.mean() + half, abs=0.03)
    assert interval(values.tolist()) == (low, high), "the same report twice gives the same digits"


@given(st.lists(st.floats(-1e3, 1e3), min_size=5, max_size=12))
def test_interval_holds_the_mean_and_stays_within_the_values(values):
    low, high = interval(values)
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9


def test_of_few_cases_nothing_can_be_drawn():
    assert all(math.isnan(value) for few in ([], [3.0], [1.0, 2.0, 3.0, 4.0]) for value in interval(few))


def test_paired_differences():
    found = paired(study(), "m")["worse"]
    assert found.mean == pytest.approx(3.5) and found.cases == found.worse == 6
    # Far tighter than the cases' own spread: that is what pairing is for.
    assert found.low > 1.5 and found.high < 5.5
    assert found.p == pytest.approx(2 / 2**6), "all six differ to one side: exact signed-rank test"


def test_pairs_are_cases_that_both_have():
    lame = study(skip={("worse", "c5")})
    assert paired(lame, "m")["worse"].cases == 5
    (sheet,) = main(lame)
    row = next(line for line in sheet.lines if line[0].startswith("Worse"))
    assert row[0] == "Worse (1 of 6 missing)"
    assert row[1] == "33.0 (+3.0)", "the mean of its own five cases, the difference over common ones"


def test_seeds_are_averaged_before_cases_are_drawn():
    one, three = summary(study(), "base", "m"), summary(study(seeds=(0, 1, 2)), "base", "m")
    assert three.cases == 6 and three.mean == one.mean + 1 and three.over_seeds == pytest.approx(1.0)
    assert three.high - three.low == pytest.approx(one.high - one.low), "more seeds are no more cases"


def test_tests_at_their_ends():
    assert wilcoxon([0.0, 0.0, 0.0]) == 1.0 and math.isnan(wilcoxon([1.0]))
    assert holm([0.01, 0.04, math.nan, 0.03]) == pytest.approx([0.03, 0.06, math.nan, 0.06], nan_ok=True)


@pytest.mark.parametrize(
    ("layout", "heads", "line"),
    [
        (
            "sequences",
            ("method", "s0", "s1", "s2", "mean over sequences"),
            ("Base", "15.0 / –", "35.0 / –", "55.0 / –", "35.0 / –"),
        ),
        ("pairs", ("method", "Error [m] / None [n] (mm)"), ("Base", "35.0 / –")),
        ("runtime", ("method", "run time (s)", "warmup"), ("Base", "1.50", "1.50")),
    ],
)
def test_layouts_of_the_paper(layout, heads, line):
    (sheet,) = main(study(layout))
    assert sheet.heads == heads and sheet.lines[0] == line
    assert "6 simulated cases" in sheet.title, "every table says what it is about"


def test_an_odd_last_column_stays_and_every_metric_has_its_own_unit():
    columns = (Column("Error", "m"), Column("Jitter", "n"), Column("RTE", "k"))
    made = study("pairs", columns=columns, units={"m": "mm", "n": "m/s^3", "k": "%"})
    odd = replace(made, cells=tuple(replace(cell, values=cell.values | {"k": 2.0}) for cell in made.cells))
    (sheet,) = main(odd)
    assert sheet.heads == ("method", "Error [m] (mm) / Jitter [n] (m/s^3)", "RTE [k] (%)")
    assert sheet.lines[0] == ("Base", "35.0 / –", "2.0")
    titles = [sheet.title for sheet in main(replace(odd, layout="sequences"))]
    assert [title.rpartition(": ")[2] for title in titles] == list(sheet.heads[1:])


@pytest.mark.parametrize(("layout", "over"), [("sequences", "sequences"), ("pairs", "cases"), ("differences", "cases")])
def test_a_table_says_what_its_means_are_over(layout, over):
    assert any(f"over {over}" in " ".join(sheet.notes) for sheet in main(study(layout)))


def test_report_files_say_the_same(tmp_path):
    made = study(skip={("worse", "c3")}, seeds=(0, 1))
    files = {path.name: path for path in write_report(made, tmp_path)}
    assert set(files) == {"report.md", "report.html", "report.json", "table.csv", "cells.csv"}
    text, page = files["report.md"].read_text(), files["report.html"].read_text()
    assert "| Worse (2 of 12 missing) | 37.9 (+3.4) |" in text and "37.9 (+3.4)" in page
    assert "Worse, c3, seed 0, 1: it | broke" in text and "<script" not in page and "http" not in page
    data = json.loads(files["report.json"].read_text())
    assert data["means"]["base"]["m"]["mean"] == 35.5 and data["failures"][0]["reason"] == "it | broke"
    lines = list(csv.DictReader(io.StringIO(files["cells.csv"].read_text())))
    assert len(lines) == 24 and lines[0]["m"] == "10" and lines[-5]["state"] in {"done", "failed"}
    assert failures(made) == [("Worse, c3, seed 0, 1", "it | broke")]


def test_doubtful_cells_are_marked_and_counted_by_reason(tmp_path, capsys):
    made = study()
    why = ["not trusted: the camera: its path", "doubtful: 31 % of keypoints fit", "doubtful: 35 % of keypoints fit"]
    cells = tuple(replace(cell, reason=why[i]) if i < 3 else cell for i, cell in enumerate(made.cells))
    made = replace(made, cells=cells)
    write_report(made, tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "- 2 cells: doubtful: N % of keypoints fit" in text and "| Base (3 of 6 doubtful) |" in text
    assert "| c0 | 10.0? | 11.0 |" in text and "?: a cell of it is doubtful or not trusted." in text
    told = json.loads((tmp_path / "report.json").read_text())["doubtful"]
    assert {each["reason"]: each["cells"] for each in told} == {"doubtful: N % of keypoints fit": 2, why[0]: 1}
    assert print_failures(made) == 0 and "doubtful: N % of keypoints fit" in capsys.readouterr().err


def test_names_from_outside_cannot_break_the_page(tmp_path):
    made, name = study(), "<img src=x onerror=alert(1)>"
    cells = (Cell("base", name, 0, State.DONE, {"m": 1.0}), Cell("worse", name, 0, State.FAILED, error="<i>no"))
    bad = Study("t", "<b>T", "d", made.rows, (Case(name, "s", 100, 30.0),), cells, made.columns, made.units, "base")
    write_report(bad, tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert not any(tag in page for tag in ("<img src=x", "<b>T", "<i>no"))


def test_pooling_by_frames_weighs_long_cases_more():
    cases = (Case("short", "s", 100, 30.0), Case("long", "s", 300, 30.0))
    cells = tuple(
        Cell("a", case.name, 0, State.DONE, {"m": value}) for case, value in zip(cases, (8.0, 4.0), strict=True)
    )
    made = Study(
        "t", "T", "d", (Row("a", "A"),), cases, cells, (Column("m", "m"),), {"m": "mm"}, None, pooling="frames"
    )
    assert main(made)[0].lines == (("A", "5.0"),)
    assert summary(made, "a", "m").mean == 6.0


def test_every_protocol_can_be_computed():
    from diffopt_core.parts.metrics.report import metrics_named
    from diffopt_lab.study.protocols import PROTOCOLS

    for protocol in PROTOCOLS.values():
        assert len(metrics_named(tuple(protocol.columns.values()))) == len(protocol.columns) and protocol.source
