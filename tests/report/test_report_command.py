"""``diffopt report`` and ``run --report`` as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from diffopt_core.cli import main
from diffopt_core.parts.exporters import EvidenceExporter, NpzExporter
from diffopt_core.results.folder import ResultFolder
from report_cases import walk


def saved(folder: Path, frames: int = 12, run: dict | None = None) -> Path:
    exporters = [NpzExporter(), EvidenceExporter()]
    ResultFolder(folder).write(walk(frames), exporters, {"diffopt_run": 1, "clip": "walk", **(run or {})})
    return folder


def test_into_the_result(tmp_path, capsys):
    folder = saved(tmp_path / "walk")
    assert main(["report", str(folder)]) == 0
    assert "wrote" in capsys.readouterr().out and (folder / "report.html").stat().st_size > 100_000


def test_several_and_json(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders = [str(saved(tmp_path / name)) for name in ("paper", "best")]
    assert main(["report", *folders, "--no-truth", "--no-images", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["results"] == folders and told["bytes"] == (tmp_path / "exports" / "report.html").stat().st_size
    html = (tmp_path / "exports" / "report.html").read_text()
    assert '"label":"paper"' in html and '"label":"best"' in html


def test_of_one_motion_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = saved(tmp_path / "walk") / "motion.npz"
    assert main(["report", str(file), "--out", "page.html", "-q"]) == 0
    assert (tmp_path / "page.html").is_file()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda f: f, "motion.npz: does not exist"),
        (lambda f: saved(f, run={"diffopt_run": 99}), "diffopt_run: is version 99"),
    ],
)
def test_bad_input_is_one_line_and_no_file(tmp_path, capsys, make, said):
    folder = tmp_path / "walk"
    folder.mkdir()
    make(folder)
    before = sorted(folder.iterdir())
    assert main(["report", str(folder)]) == 2
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error and sorted(folder.iterdir()) == before


def test_clips_of_other_lengths(tmp_path, capsys):
    folders = [str(saved(tmp_path / "a")), str(saved(tmp_path / "b", frames=15))]
    assert main(["report", *folders, "--out", str(tmp_path / "x.html")]) == 2
    assert "of the same clip" in capsys.readouterr().err and not (tmp_path / "x.html").exists()
