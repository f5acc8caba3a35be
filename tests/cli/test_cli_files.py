"""Disks that are full, folders that may not be written, results of another version, and clips at the ends of what there
is: one line each, and no half file."""

from __future__ import annotations

import json
import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from cli_cases import QUICK, tree
from diffopt_core.common.npz import read_npz

resource = pytest.importorskip("resource")


@contextmanager
def room_for(size: int):
    """No file may grow beyond ``size`` bytes: what a full disk is to a writer, without one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # Python would cut its own files short
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        sys.dont_write_bytecode = bytecode


@pytest.fixture
def result(diffopt, scored):
    """A finished result, scored."""
    assert diffopt("run", scored, "--out", "out", "--quiet", *QUICK).status == 0
    return Path("out")


PICTURE = [flag for flag in QUICK if flag != "--no-picture"]


@pytest.mark.parametrize("size", [0, 500, 6_000], ids=["nothing", "no array", "some files"])
@pytest.mark.parametrize("command", ["run", "demo"])
def test_a_result_is_whole_or_not_there(diffopt, case, command, size):
    args = ["run", case, "--out", "new"] if command == "run" else ["demo", "--out", "new"]
    if command == "run":
        before = tree(Path())
    with room_for(size):
        ran = diffopt(*args, "--quiet", *QUICK)
    assert ran.status == 2 and "cannot" in ran.error and "new" in ran.error and ".new." not in ran.error
    if command == "run":
        assert tree(Path()) == before
    else:  # the case that it makes for itself is whole, where it is there
        assert tree(Path("new")) <= {"demo.npz", os.path.join("truth", "demo.npz")}
        assert all(read_npz(path) for path in Path("new").rglob("*.npz"))


def test_an_older_result_stays_where_a_new_one_has_no_room(diffopt, case):
    assert diffopt("run", case, "--out", "out", "--quiet", *QUICK).status == 0
    before = {name: (Path("out") / name).read_bytes() for name in tree(Path("out"))}
    with room_for(6_000):
        ran = diffopt("run", case, "--out", "out", "--seed", "1", "--overwrite", "--quiet", *QUICK)
    assert ran.status == 2
    assert {name: (Path("out") / name).read_bytes() for name in tree(Path("out"))} == before


@pytest.mark.slow
def test_a_picture_that_has_no_room_leaves_the_result(diffopt, case):
    with room_for(60_000):
        ran = diffopt("run", case, "--out", "out", "--quiet", *PICTURE)
    assert ran.status == 2 and "picture.png" in ran.error
    assert {"motion.npz", "run.json"} <= tree(Path("out")) and "picture.png" not in tree(Path("out"))
    assert not [name for name in tree(Path("out")) if name.startswith(".")]


def test_exports_that_have_no_room_leave_nothing(diffopt, result):
    before = tree(result)
    with room_for(5_000):
        ran = diffopt("export", "out", "--to", "bvh,glb,csv")
        other = diffopt("export", "out", "--to", "glb", "--out", "new")
    assert ran.status == 2 and "out" in ran.error and ".exports." not in ran.error and ran.out == ""
    assert tree(result) == before
    assert other.status == 2 and not Path("new").exists()


def test_export_of_a_run_that_has_no_room_leaves_the_result(diffopt, case):
    with room_for(60_000):
        ran = diffopt("run", case, "--out", "out", "--quiet", "--export", "glb", *QUICK)
    assert ran.status == 2 and "motion.glb" in ran.error
    assert "run.json" in tree(Path("out")) and not [name for name in tree(Path("out")) if "glb" in name]


def test_a_report_that_has_no_room(diffopt, result, scored):
    Path("set").mkdir()
    shutil.copytree("out", "set/walk")
    with room_for(500):
        ran = diffopt("eval", "set", "--truth", scored.parent / "truth", "-m", "RTE", "--out", "report", "--quiet")
    assert ran.status == 2 and "report" in ran.error and "cannot write" in ran.error
    assert not tree(Path("report")), "neither whole files of it nor parts"


@pytest.mark.parametrize(
    "args",
    [
        ["run", "CASE", "--out", "locked/out", *QUICK],
        ["demo", "--out", "locked/demo", *QUICK],
        ["export", "out", "--to", "glb", "--out", "locked/e"],
        ["eval", "set", "--truth", "TRUTH", "-m", "RTE", "--out", "locked/report"],
        ["simulate", "TRUTH", "--out", "locked/cases", "-n", "1", "--frames", "10", "--fps", "30"],
        ["ablate", "paper", "--data", "CASES", "--out", "locked/grid", "--set", "prior=none"],
    ],
    ids=lambda args: args[0],
)
def test_a_folder_that_may_not_be_written(diffopt, result, scored, args):
    """As a file in the way for root, to whom nothing is forbidden."""
    Path("set").mkdir()
    shutil.copytree("out", "set/walk")
    if os.geteuid() == 0:
        Path("locked").write_text("mine")
    else:
        Path("locked").mkdir(mode=0o500)
    before = tree(Path())
    words = {"CASE": scored, "CASES": scored.parent, "TRUTH": scored.parent / "truth"}
    ran = diffopt(*(words.get(arg, arg) for arg in args))
    assert ran.status == 2 and "locked" in ran.error and tree(Path()) == before


def version(number) -> None:
    saved = json.loads(Path("out/run.json").read_text())
    Path("out/run.json").write_text(json.dumps(saved | {"diffopt_run": number}))


def test_a_result_of_another_version_is_named(diffopt, result, scored):
    version(99)
    truth = scored.parent / "truth"
    for args in (["export", "out"], ["eval", "out", "--truth", truth], ["run", "out/run.json"]):
        ran = diffopt(*args)
        assert ran.status == 2 and "out/run.json: diffopt_run: is version 99" in ran.error
    Path("set").mkdir()
    shutil.copytree("out", "set/walk")
    ran = diffopt("eval", "set", "--truth", truth, "-m", "RTE")
    assert ran.status == 1 and "failed: set, walk, seed 0: set/walk/run.json: diffopt_run: is version 99" in ran.err


@pytest.mark.parametrize("key", ["recipe", "seed", "provenance"])
def test_a_run_file_that_lacks_something_is_not_repeated(diffopt, result, key):
    saved = json.loads(Path("out/run.json").read_text())
    del saved[key]
    Path("out/run.json").write_text(json.dumps(saved))
    ran = diffopt("run", "out/run.json")
    assert ran.status == 2 and f"out/run.json: {key}: is missing" in ran.error


@pytest.mark.slow
@pytest.mark.parametrize("fps", [1.0, 240.0])
def test_rates_at_both_ends(diffopt, scored, arrays, fps):
    np.savez(scored, **{**arrays[0], "fps": np.float32(fps)})
    np.savez(scored.parent / "truth" / scored.name, **{**arrays[1], "fps": np.float32(fps)})
    assert diffopt("run", scored, "--out", "out", "--quiet", "--export", "bvh", *PICTURE).status == 0
    assert f"Frame Time: {1 / fps:.6g}"[:18] in Path("out/motion.bvh").read_text()
    assert diffopt("eval", "out", "--truth", scored.parent / "truth", "-m", "RTE", "--quiet").status == 0


@pytest.mark.slow
@pytest.mark.parametrize("size", [(641, 361), (4001, 17), (17, 4001)])
def test_aspects_that_are_odd(diffopt, case, arrays, size):
    given = arrays[0]
    shift = np.float32(size) / 2 - given["cam_centre"]
    keypoints = given["keypoints"] + np.pad(shift, ((0, 0), (0, 1)))[:, None]
    changed = {"image_size": np.array(size), "cam_centre": given["cam_centre"] + shift, "keypoints": keypoints}
    np.savez(case, **{**given, **changed})
    ran = diffopt("run", case, "--out", "out", "--quiet", "--export", "glb", *PICTURE)
    assert ran.status == 0, ran.err
    assert {"motion.glb", "picture.png"} <= tree(Path("out"))


@pytest.mark.slow
def test_a_body_without_a_mesh(diffopt, case, arrays):
    from diffopt_core.data.skeleton import PARENTS

    rest = np.zeros((24, 3), np.float32)
    for child, parent in enumerate(PARENTS[1:], 1):
        rest[child] = rest[parent] + np.float32([0, -0.1, 0] if child in (1, 2, 4, 5, 7, 8, 10, 11) else [0, 0.1, 0])
    np.savez(case, **{**arrays[0], "rest_joints": rest})
    ran = diffopt("run", case, "--out", "out", "--quiet", "--body", "stick", "--export", "glb,bvh,csv", *PICTURE)
    assert ran.status == 0, ran.err
    assert {"motion.glb", "motion.bvh", "motion.csv", "picture.png"} <= tree(Path("out"))


@pytest.mark.parametrize("command", ["run", "prepare", "check"])
def test_a_video_that_is_not_there(diffopt, command):
    ran = diffopt(command, "gone.mp4")
    assert ran.status == 2 and "gone.mp4" in ran.error and "does not exist" in ran.error


def test_a_case_whose_video_is_gone_is_solved_without_its_images(diffopt, case, arrays):
    gone = {"video": np.array("gone.mp4"), "video_frames": np.arange(12), "video_rotation": np.array(0)}
    np.savez(case, **{**arrays[0], **gone})
    ran = diffopt("run", case, "--out", "out", *PICTURE)
    assert ran.status == 0, ran.err
    assert "picture.png" in tree(Path("out")) and "overlay.png" not in tree(Path("out"))


def test_a_result_is_no_case(diffopt, result):
    """Its evidence.npz has keypoints, too."""
    ran = diffopt("check", result / "evidence.npz", "--prior", "none")
    assert ran.status == 2 and "evidence.npz" in ran.error
