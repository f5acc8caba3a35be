"""Tables on a terminal of 80 columns: no line is longer, no word and no number is broken."""

from __future__ import annotations

import re

import pytest
from cli_cases import QUICK
from diffopt_core.common import console
from diffopt_core.common.console import Screen, fitted, grid
from diffopt_lab.commands.sheets import print_sheet
from diffopt_lab.study.layouts import Sheet
from diffopt_priors.report.measure import tables
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH = 80


@pytest.fixture
def words(monkeypatch) -> set[str]:
    """Every word of the tables that are printed from here on."""
    found: set[str] = set()
    shown = Screen.print

    def note(self, what="", **options):
        if isinstance(what, Table):
            cells = [cell for column in what.columns for cell in (column.header, *column.cells)]
            found.update(word for cell in cells for word in Text.from_markup(str(cell)).plain.split())
        shown(self, what, **options)

    monkeypatch.setattr(console, "_PIPED", WIDTH)
    for screen in (console.out, console.err):
        monkeypatch.delitem(vars(screen), "console", raising=False)
    monkeypatch.setattr(Screen, "print", note)
    return found


def whole(words: set[str], text: str) -> None:
    assert words
    there = set(re.split(r"\s+", text))
    assert not (broken := {word for word in words if word not in there and len(word) < WIDTH - 4}), broken


def narrow(text: str) -> None:
    assert [line for line in text.splitlines() if len(line.rstrip()) > WIDTH] == []


@pytest.mark.parametrize(
    "args",
    [
        ("plugins",), ("show",), ("show", "metric"), ("show", "prior", "mdm"), ("show", "representation", "nemo"),
        ("recipe",), ("recipe", "best", "--diff", "paper"), ("weights", "list"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_only_looks(diffopt, words, args):
    ran = diffopt(*args)
    assert ran.status == 0
    whole(words, ran.out)


@pytest.mark.slow
def test_check_run_and_eval(diffopt, words, scored):
    ran = diffopt("check", scored)
    whole(words, ran.out)
    assert diffopt("run", scored, *QUICK, "--no-report", "--out", "runs/a").status in (0, 1)
    words.clear()
    ran = diffopt("run", scored, *QUICK, "--no-report", "--out", "runs/b", "--seed", "1")
    whole(words, ran.out)
    truth = scored.parent / "truth" / scored.name
    for results in (["runs/a"], ["runs/a", "runs/b"]):
        words.clear()
        ran = diffopt("eval", *results, "--truth", truth)
        whole(words, ran.out)
        narrow(ran.out)


def test_tables_of_ablate_and_eval_of_folders(capsys, words):
    heads = ("recipe", *(f"{name} [mm]" for name in ("W-MPJPE100", "WA-MPJPE100", "rigid_clip", "PA-MPJPE")), "RTE [%]",
             "jitter [10 m/s^3]", "foot sliding [mm]", "difference (95 % interval)", "p (Holm)")  # fmt: skip
    row = ("learnable parameters instead of the field", *["1234.5 (+123.4)"] * 7, "-12.3 (-45.6 to +78.9)", "< 0.001")
    print_sheet(Sheet("Table 5", heads, (("Prior",), row, row), strong=frozenset({(1, 2)})))
    told = capsys.readouterr().out
    whole(words, told)
    narrow(told)


def test_tables_of_prior_report(capsys, words):
    rows = {"limbs swapped": {"amount": "0.10", "windows": 1200, "auc": 0.987, "paired": 0.991, "by_shard": {}}}
    shards = {f"studio_number_{k}": 300 for k in range(4)}
    sections = {"steps of the sampler": {"ours": {f"noise level {k}": 1234.567 for k in range(12)}}}
    for table in tables({"ranking": {"by": "energy", "rows": rows}, "data": {"shards": shards}, "sections": sections}):
        console.out.print(table)
    told = capsys.readouterr().out
    whole(words, told)
    narrow(told)


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_a_table_is_whole_at_any_width(width, capsys):
    table = grid("name", *(f"column {k}" for k in range(9)), title="All", numbers=True)
    table.add_row("two words", *(f"{10.0**k:.3f}" for k in range(9)))
    screen = Console(width=width)
    for part in fitted(table, width):
        screen.print(part)
    told = capsys.readouterr().out
    assert set(f"{10.0**k:.3f}" for k in range(9)) <= set(told.split()) and told.count("All") == 1
    assert max(len(line.rstrip()) for line in told.splitlines()) <= width
