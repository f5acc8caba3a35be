"""The numbered examples run as they stand, on a clip of a dozen frames."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
QUICK = {
    "prior": "none",
    "repr": "raw",
    "stage.warmup.all.steps": 2,
    "stage.guide.rounds": 1,
    "stage.finetune.all.steps": 2,
}


def example(name: str):
    return runpy.run_path(str(EXAMPLES / name))["main"]


@pytest.fixture
def case(tmp_path) -> Path:
    path = tmp_path / "standing.npz"
    example("02_make_a_case.py")(path, frames=12)
    return path


def test_recover_and_read(case, tmp_path, capsys):
    result = example("01_recover_motion.py")(case, tmp_path / "out", QUICK)
    assert str(result.status) in ("finished", "doubtful") and result.joints.shape == (12, 24, 3)
    assert example("03_read_a_result.py")(tmp_path / "out") >= 0.0
    assert "camera_direction" in capsys.readouterr().out


def test_compare_priors(case, tmp_path):
    settings = {key: value for key, value in QUICK.items() if key != "prior"}
    speeds = example("04_compare_priors.py")(case, ["none", "calm"], settings)
    assert set(speeds) == {"none", "calm"}


def test_notebook(case, tmp_path):
    example("01_recover_motion.py")(case, tmp_path / "out", QUICK)
    page = example("05_notebook.py")([tmp_path / "out"], tmp_path, QUICK)
    assert page._repr_html_().startswith("<iframe srcdoc=") and page.write(tmp_path / "page.html").is_file()
