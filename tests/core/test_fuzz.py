"""A short run of ``tools/fuzz.py``: of every format some mutated files, none of which is more than read or refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[2] / "tools" / "fuzz.py"
NOTHING_ELSE = {"read", "refused", "door"}


def run(out: Path, *flags: str) -> dict[str, dict]:
    done = subprocess.run([sys.executable, str(FUZZ), str(out), *flags], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads((out / "table.json").read_text())


def test_it_goes_on_where_it_was_and_gives_the_same_twice(tmp_path: Path) -> None:
    flags = ("--only", "case", "recipe", "--chunk", "20", "--seed", "7")
    whole = run(tmp_path / "a", *flags, "--inputs", "40")
    run(tmp_path / "b", *flags, "--inputs", "20")
    parts = run(tmp_path / "b", *flags, "--inputs", "40")
    assert {name: row["tallies"] for name, row in parts.items()} == {n: row["tallies"] for n, row in whole.items()}
    assert all(row["done"] == 40 and set(row["tallies"]) <= NOTHING_ELSE for row in whole.values())


@pytest.mark.slow
def test_no_format_gives_a_traceback_a_hang_or_a_crash(tmp_path: Path) -> None:
    table = run(tmp_path / "a", "--inputs", "10", "--chunk", "10", "--seed", "11")
    bad = {name: row["tallies"] for name, row in table.items() if not set(row["tallies"]) <= NOTHING_ELSE}
    assert len(table) > 40 and not bad
