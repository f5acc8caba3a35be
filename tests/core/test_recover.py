"""The face: one call from Python does what the command line does, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffopt_core.cli import main
from diffopt_core.host.testing import make_clip
from diffopt_core.parts.demo_motion import demo_case
from diffopt_core.results.index import row_of
from diffopt_core.results.run import fitting
from diffopt_motion import DiffOptError, Recipe, Result, load, recover, write_case

QUICK = {"stage.warmup.all.steps": 2, "stage.guide.rounds": 1, "stage.finetune.all.steps": 2}


def short(seed: int, frames: int = 12) -> tuple[dict, dict]:
    """The first frames of the demonstration, seen with other noise: case and truth."""
    return tuple(
        {key: value[:frames] if np.ndim(value) and len(value) == 100 else value for key, value in table.items()}
        for table in demo_case(seed)
    )


@pytest.fixture
def case(tmp_path) -> Path:
    path = tmp_path / "walk.npz"
    write_case(path, *short(0))
    return path


def test_python_and_command_line_are_one(case, tmp_path, capsys):
    """With the recipe that the evidence asks for, the shipped prior, and settings of three kinds."""
    result = recover(case, settings=QUICK | {"prior.strength": 0.3}, out=tmp_path / "python", seed=3, repr="raw")
    flags = [word for key, value in QUICK.items() for word in ("--set", f"{key}={value}")]
    flags += ["--set", "prior.strength=0.3", "--repr", "raw", "--seed", "3", "--no-picture", "--no-report"]
    assert main(["run", str(case), "--out", str(tmp_path / "typed"), *flags]) == 0, capsys.readouterr().err
    with np.load(tmp_path / "python/motion.npz") as a, np.load(tmp_path / "typed/motion.npz") as b:
        assert set(a.files) == set(b.files)
        for name in a.files:
            assert a[name].tobytes() == b[name].tobytes(), name
    assert np.array_equal(result.joints.numpy(), np.load(tmp_path / "typed/motion.npz")["joints"])


def test_nothing_is_written_without_out(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    result = recover(case, "paper", settings=QUICK, prior="none", repr="raw")
    assert sorted(tmp_path.rglob("*")) == before
    assert repr(result) == "Result('walk', 12 frames at 30 fps, finished)" and result.joints.shape == (12, 24, 3)
    resolved = Recipe(**result.recipe)
    again = recover(str(case), resolved)
    assert torch.equal(again.joints, result.joints), "a resolved recipe is a recipe"


def test_a_list_gives_a_list_and_what_lies_there_is_read(case, tmp_path):
    other = tmp_path / "before.npz"
    write_case(other, *short(1))
    asked = {"settings": QUICK, "out": tmp_path / "out", "prior": "none", "repr": "raw"}
    results = recover([case, other], **asked)
    assert [result.clip.name for result in results] == ["walk", "before"]
    stamp = (tmp_path / "out/walk/motion.npz").stat().st_mtime_ns
    again = recover([case, other], **asked)
    assert (tmp_path / "out/walk/motion.npz").stat().st_mtime_ns == stamp
    for one, two in zip(results, again, strict=True):
        assert isinstance(two, Result) and torch.equal(one.joints, two.joints)
        assert two.metrics == one.metrics and two.clip.truth is not None
    assert torch.equal(load(tmp_path / "out/walk").joints, results[0].joints)
    with pytest.raises(DiffOptError, match="the result of another run"):
        recover([case, other], seed=5, **asked)


def test_errors_are_one_line(case, tmp_path):
    with pytest.raises(DiffOptError, match=r"unknown role 'prio'.*prior"):
        recover(case, prio="none")
    with pytest.raises(DiffOptError, match=r"strenght.*strength"):
        recover(case, settings={"prior.strenght": 1.0})
    write_case(tmp_path / "b.npz", *short(1))
    with pytest.raises(DiffOptError, match="pass a list"):
        recover(tmp_path)


@pytest.mark.parametrize(
    ("travel", "trusted", "poses_from", "name"),
    [
        ("stands", True, "unknown", "standing-camera"),
        ("turns", True, "regressor", "standing-camera"),
        ("travels", True, "landmarks", "tracked-camera"),
        ("travels", True, "regressor", "best"),
        ("travels", True, "unknown", "paper"),
        ("unknown", True, "regressor", "paper"),
        ("travels", False, "landmarks", "paper"),
    ],
)
def test_the_recipe_follows_from_the_evidence(travel, trusted, poses_from, name):
    clip = make_clip()
    camera = replace(clip.camera, travel=travel, trusted=trusted)
    assert fitting(camera, replace(clip.body, poses_from=poses_from)) == name


def test_the_recipe_that_was_chosen_is_said_once(case, caplog):
    recover(case, settings=QUICK, repr="raw")
    (said,) = [record.getMessage() for record in caplog.records if "solved by" in record.getMessage()]
    assert said.startswith("walk: solved by recipe best, with repr raw: ") and "--recipe paper" in said
    caplog.clear()
    recover(case, "paper", settings=QUICK, repr="raw")
    assert "solved by" not in caplog.text


def test_the_index_says_why_a_finished_result_is_not_trusted(case):
    result = recover(case, "paper", settings=QUICK)
    assert row_of(result)["reason"] == ""
    camera = replace(result.clip.camera, trusted=False, facts={"not_trusted": ["few frames"]})
    doubted = replace(result, clip=replace(result.clip, camera=camera, doubts=("the trunk lies",)))
    assert row_of(doubted)["reason"] == "not trusted: the trunk lies; the camera: few frames"
