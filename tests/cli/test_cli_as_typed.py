"""What people type, literally: no file, `--set` in place of a flag, options for what `auto` chooses, devices."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import look_plugin
import numpy as np
import pytest
from cli_cases import QUICK
from diffopt_core.cli.choice import FILE_ROLES
from diffopt_core.host.choice import FLAGS
from diffopt_core.host.recipe import assign, load, parse
from diffopt_core.host.registry import Registry

sys.path.append(str(Path(__file__).parents[1] / "video"))
from video_cases import write_video

STEPS = [flag for flag in QUICK if flag not in ("--prior", "none", "--repr", "raw")]
PLAIN = [*STEPS, "--no-report"]


def recipe_of(folder: str) -> dict:
    return json.loads((Path(folder) / "run.json").read_text())["recipe"]


def test_run_prior_mdm_repr_nemo(diffopt):
    ran = diffopt("run", "--prior", "mdm", "--repr", "nemo", *PLAIN)
    assert ran.status == 0, ran.err
    assert "embedded demonstration" in ran.err and "diffopt run VIDEO|CASE.npz" in ran.err
    saved = recipe_of("runs/demo")
    assert (saved["prior"]["name"], saved["representation"]["name"]) == ("mdm", "nemo")
    again = diffopt("demo", "--prior", "mdm", "--repr", "nemo", *PLAIN)
    assert again.status == 0 and recipe_of("runs/demo") == saved, "demo is run without INPUT"
    assert "bit for bit" in diffopt("run", "runs/demo/run.json", "--no-picture", "--no-report").out


@pytest.mark.slow
def test_run_without_input_keeps_what_lies_in_a_folder_of_ones_own(diffopt, case):
    assert diffopt("run", case, "--out", "mine", *QUICK, "--no-report").status == 0
    ran = diffopt("run", "--out", "mine", *QUICK, "--no-report")
    assert ran.status == 2 and "another run" in ran.error and not Path("mine/demo.npz").exists()
    assert diffopt("run", "--out", "new", *QUICK, "--no-report").status == 0
    assert "kept the finished result" in diffopt("run", "--out", "new", *QUICK, "--no-report").err


@pytest.mark.parametrize("flag", FLAGS)
def test_every_role_flag_has_its_twin(flag):
    """`--set prior=NAME`, and for readers of files `--set init.name=NAME --set init.file=FILE`, in any order."""
    registry = Registry.load()
    role, word = FLAGS[flag], flag.removeprefix("--")
    name = sorted(set(registry.components[role]) - {"auto"})[0]
    table = load("paper", registry.recipes)
    for key in (word, role):
        assert getattr(parse(assign(table, [f"{key}={name}"])), role).name == name
        assert getattr(parse(assign(table, [f"{key}.x=1", f"{key}.name={name}"])), role).options == {"x": 1}
    if role in FILE_ROLES:
        made = getattr(parse(assign(table, [f"{word}.file=a.npz", f"{word}={name}"])), role)
        assert (made.name, made.options) == (name, {"file": "a.npz"})


def test_the_flag_and_its_twin_are_one_run(diffopt, case):
    assert diffopt("run", case, "--out", "a", "--init", "given", *QUICK, "--no-report").status == 0
    settings = ["--set", "prior=none", "--set", "repr=raw", "--set", "init=given"]
    assert "kept the finished result" in diffopt("run", case, "--out", "a", *settings, *STEPS, "--no-report").err


@pytest.fixture
def video(tmp_path):
    return write_video(tmp_path / "walk.mp4", 12, size=(1280, 720), fps=30)


@pytest.fixture
def stands_in(monkeypatch, tmp_path):
    """A plugin whose detector and camera ``auto`` is told to choose for images."""
    monkeypatch.setenv(look_plugin.WATCH, str(tmp_path))
    return ["-p", look_plugin.__file__, "--init", "look", "--set", "detector.video=look", "--set", "camera.video=look"]


def test_options_reach_what_auto_chooses(diffopt, stands_in, video):
    ran = diffopt("prepare", video, "--out", "a.npz", *stands_in, "--set", "detector.seen=false")
    assert ran.status == 2 and "not found in any frame" in ran.error
    ran = diffopt("prepare", video, "--out", "a.npz", *stands_in, "--set", "camera.travel=turns")
    assert ran.status == 0, ran.err
    with np.load("a.npz") as made:
        assert made["cam_travel"] == "turns"
    ran = diffopt("prepare", video, "--out", "b.npz", *stands_in, "--set", "camera.trvel=turns")
    assert ran.status == 2 and "camera 'look' 'trvel'" in ran.error and "travel" in ran.error


def test_detector_complexity_without_a_detector(diffopt, case):
    """The case brings its own keypoints; a misspelt option is told before anything is looked at."""
    ran = diffopt("run", case, "--out", "out", "--set", "detector.complexity=2", *QUICK)
    assert ran.status == 2 and "the file brings its own" in ran.error
    ran = diffopt("run", case, "--out", "out", "--set", "detector.complexty=2", *QUICK)
    assert ran.status == 2 and "detector 'mediapipe'" in ran.error and "complexity" in ran.error


@pytest.mark.parametrize("device", ["mps", "cuda:7", "nonsense"])
@pytest.mark.parametrize("command", [["run"], ["run", "CASE"], ["demo"], ["check", "CASE"]], ids=" ".join)
def test_a_device_that_is_not_there(diffopt, case, device, command):
    ran = diffopt(*(case if word == "CASE" else word for word in command), "--device", device)
    assert ran.status == 2 and f"--device {device}" in ran.error
    assert not Path("runs").exists()
