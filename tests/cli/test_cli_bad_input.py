"""What people get wrong: one line that names the file or flag, the key and the remedy; status 2; nothing written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from cli_cases import QUICK, tree


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--draws", "2"], "error: --draws 2: 2 draws give no spread"),
        (["--set", "draws=1"], "recipe: draws: is 1; it has keys of its own: draws.count"),
        (["--prior", "mmd"], "unknown prior 'mmd'. Did you mean 'mdm'? Known:"),
        (["--repr", "nemoo"], "unknown representation 'nemoo'. Did you mean 'nemo'?"),
        (["--body", "sticks"], "unknown body 'sticks'. Did you mean 'stick'?"),
        (["--camera", "givn"], "unknown camera 'givn'. Did you mean 'given'?"),
        (["--init", "givn"], "unknown initializer 'givn'. Did you mean 'given'?"),
        (["--detector", "givn"], "unknown detector 'givn'. Did you mean 'given'?"),
        (["--executor", "eagre"], "unknown executor 'eagre'. Did you mean 'eager'?"),
        (["--dataset", "cse"], "unknown dataset 'cse'. Did you mean 'case'?"),
        (["--recipe", "papper"], "unknown recipe 'papper'. Did you mean 'paper'?"),
        (["--recipe", "gone.toml"], "gone.toml: file: does not exist"),
        (["--set", "prior.timestep=1", "--prior", "mdm"], "unknown option of prior 'mdm' 'timestep'. Did you mean"),
        (["--set", "representation.hiden=3", "--repr", "nemo"], "unknown option of representation 'nemo' 'hiden'"),
        (["--set", "shedule=[]"], "unknown key of recipe 'shedule'. Did you mean 'schedule'?"),
        (["--set", "stage.guide.human.stepz=3"], "Did you mean 'stage.guide.human.steps'?"),
        (["--set", "stage.guide.rounds=none"], "stage.guide.rounds: "),
        (["--set", 'metrics=["rigid_clap"]'], "unknown metric 'rigid_clap'. Did you mean 'rigid_clip'?"),
        (["--set", 'exporters=["nzp"]'], "unknown exporter 'nzp'. Did you mean 'npz'?"),
        (["--set", "stage.guide.human.terms.posse=1"], "unknown term 'posse'. Did you mean 'pose'?"),
        (["--set", 'stage.warmup.all.free=["motoin.*"]'], "unknown variable in `free` 'motoin.*'"),
        (["--set", "seed"], "--set seed: expected key.path=value"),
        (["--scale", "distiled"], "--scale distiled: Input should be"),
        (["--fps", "-3"], "--fps -3.0: Input should be greater than 0"),
        (["--device", "gpu"], "--device gpu: not a device; expected auto, cpu or cuda[:N]"),
        (["-p", "gone.py"], "plugin gone.py: "),
        (["-p", "no:piors"], "unknown plugin 'piors'. Did you mean 'priors'?"),
        (["--piror", "mdm"], "No such option: --piror"),
        (["--out", "x" * 300], "xxx: File name too long"),
        (["--init", "wham="], "'wham=': expected NAME, or NAME=FILE"),
        (["--set", "stage.guide.rounds=1000000000"], "stage.guide.rounds: Input should be less than or equal to"),
        (["--set", "input.start=11"], "frames 11:12 of 12: at least 3 are needed"),
    ],
)
def test_flags(diffopt, case, flags, message):
    before = tree(Path())
    ran = diffopt("run", case, "--out", "out", *QUICK, *flags)
    assert ran.status == 2
    assert message in ran.error
    assert len([line for line in ran.err.splitlines() if not line.startswith("notice: ")]) == 1, "one line"
    assert tree(Path()) == before


def test_cuda_where_there_is_none(diffopt, case, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    ran = diffopt("run", case, "--out", "out", "--device", "cuda", *QUICK)
    assert ran.status == 2
    assert "--device cuda" in ran.error and "--device cpu" in ran.error
    assert not Path("out").exists()


def spoil(key, change):
    def spoiled(arrays):
        return {**arrays, key: change(arrays[key].copy())}

    return spoiled


def drop(key):
    return lambda arrays: {name: value for name, value in arrays.items() if name != key}


def put(index, value):
    def change(array):
        array[index] = value
        return array

    return change


CORRUPTIONS = {
    "missing key": ("cam_R", drop("cam_R")),
    "missing keypoints": ("keypoints", drop("keypoints")),
    "wrong shape": ("init_body_pose", spoil("init_body_pose", lambda a: a[:, :21])),
    "NaN pose": ("init_body_pose", spoil("init_body_pose", put((3, 4), np.nan))),
    "infinite camera": ("cam_t", spoil("cam_t", put((3, 1), np.inf))),
    "negative focal": ("cam_focal", spoil("cam_focal", lambda a: -a)),
    "no rotation": ("cam_R", spoil("cam_R", lambda a: a * 2)),
    "frame counts": ("init_transl", spoil("init_transl", lambda a: a[:-1])),
    "frame counts of the camera": ("cam_focal", spoil("cam_focal", lambda a: a[:-2])),
    "nobody there": ("valid", lambda arrays: {**arrays, "valid": np.zeros(len(arrays["keypoints"]), bool)}),
    "unknown layout": ("keypoint_layout", lambda arrays: {**arrays, "keypoint_layout": np.array("coco71")}),
    "no frame rate": ("fps", lambda arrays: {**arrays, "fps": np.float32(0)}),
    "two frames": ("", lambda arrays: {k: v[:2] if np.ndim(v) and len(v) == 12 else v for k, v in arrays.items()}),
    "text for numbers": ("cam_t", lambda arrays: {**arrays, "cam_t": np.array(["a"] * len(arrays["cam_t"]))}),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("command", ["run", "check"])
def test_case_files(diffopt, case, arrays, name, command):
    key, change = CORRUPTIONS[name]
    np.savez(case, **change(dict(arrays[0])))
    before = tree(Path())
    ran = diffopt(command, case, "--prior", "none", "--repr", "raw")
    assert ran.status == 2
    assert case.name.removesuffix(".npz") in ran.error and key in ran.error
    assert tree(Path()) == before


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.unlink(), "does not exist"),
        (lambda path: path.write_bytes(b""), "walk.npz"),
        (lambda path: path.write_bytes(path.read_bytes()[:2000]), "walk.npz"),
        (lambda path: path.write_text("not a zip"), "walk.npz"),
    ],
    ids=["gone", "empty", "cut off", "text"],
)
def test_files_that_are_no_case(diffopt, case, write, message):
    write(case)
    ran = diffopt("run", case, *QUICK)
    assert ran.status == 2 and message in ran.error and not Path("runs").exists()


def test_files_of_ours_that_are_no_input_say_what_they_are_for(diffopt, case):
    Path("run.json").write_text('{"diffopt_run": 1}')
    Path("mine.toml").write_text('extends = "paper"\n')
    assert "run.json: format: is the run file of a result: `diffopt run run.json`" in diffopt("check", "run.json").error
    assert "--recipe mine.toml" in diffopt("check", "mine.toml").error


def test_endings_are_compared_without_case(diffopt, case):
    case.rename(case.with_name("WALK.NPZ"))
    ran = diffopt("check", case.with_name("WALK.NPZ"), "--prior", "none")
    assert ran.status == 0, ran.err


@pytest.mark.parametrize("flag", ["--camera droid", "--init wham", "--detector openpose"])
def test_a_named_file_is_looked_for_before_anything_is_opened(diffopt, flag):
    kind, name = flag.split()
    assert f"gone.pth: {flag}: does not exist" in diffopt("run", "unread.mp4", kind, f"{name}=gone.pth").error


def test_pickled_objects_are_not_loaded(diffopt, case, arrays):
    np.savez(case, **{**arrays[0], "fps": np.array({"evil": 1}, dtype=object)})
    ran = diffopt("run", case, *QUICK)
    assert ran.status == 2 and "walk.npz" in ran.error


def test_a_folder_without_cases(diffopt):
    Path("empty").mkdir()
    ran = diffopt("run", "empty", *QUICK)
    assert ran.status == 2 and "empty: folder: holds no file that a dataset can read" in ran.error


def test_a_result_folder_is_no_input(diffopt, case):
    assert diffopt("run", case, "--out", "out", "--quiet", *QUICK).status == 0
    ran = diffopt("run", "out", *QUICK)
    assert ran.status == 2 and "diffopt run out/run.json" in ran.error


def test_out_is_a_file(diffopt, case):
    Path("out").write_text("mine")
    ran = diffopt("run", case, "--out", "out", *QUICK)
    assert ran.status == 2 and "is a file" in ran.error and Path("out").read_text() == "mine"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["rn"], "No such command 'rn'"),
        (["check"], "Missing argument 'INPUT"),
        (["show", "priors"], "unknown kind 'priors'. Did you mean 'prior'?"),
        (["show", "prior", "mmd"], "unknown prior 'mmd'. Did you mean 'mdm'?"),
        (["plugins", "priors"], "unknown kind 'priors'. Did you mean 'prior'?"),
        (["recipe", "table5/no-warmupp"], "Did you mean 'table5/no-warmup'?"),
        (["recipe", "paper", "--diff", "papper"], "Did you mean 'paper'?"),
        (["run", "x.npz", "--seed", "one"], "--seed"),
    ],
)
def test_usage(diffopt, args, message):
    ran = diffopt(*args)
    assert ran.status == 2 and message in ran.error
