"""The commands as a user types them: a kill in the middle, bad input, exit statuses."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from diffopt_core.cli import main
from diffopt_core.common.npz import read_npz, write_npz
from grid_cases import METRICS, QUICK


@pytest.fixture
def diffopt(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(*args):
        capsys.readouterr()
        status = main([str(arg) for arg in args])
        streams = capsys.readouterr()
        return status, streams.out, streams.err

    return run


@pytest.fixture
def mine(tmp_path) -> Path:
    """A table with few columns."""
    columns = ", ".join(f'"{name}" = "{name}"' for name in METRICS)
    rows = "".join(f'[[row]]\nrecipe = "{name}"\n' for name in ("paper", "table5/no-warmup"))
    path = tmp_path / "mine.toml"
    path.write_text(f'title = "Mine"\nalso = []\nbatch = 1\ncolumns = {{ {columns} }}\n{rows}')
    return path


def flags(*more: str) -> list[str]:
    return [*(word for setting in (*QUICK, *more) for word in ("--set", setting)), "--device", "cpu", "--workers", "1"]


@pytest.mark.slow
def test_killed_in_the_middle_and_started_again(diffopt, tmp_path, data, mine):
    """kill -9 of the grid: its worker dies with it, finished cells stay, the rest is done at the next start."""
    args = [mine, "--data", data, "--out", tmp_path / "grid", "--seeds", "0,1", *flags()]
    entry = "import sys; from diffopt_core.cli import main; sys.exit(main(sys.argv[1:]))"
    grid = subprocess.Popen([sys.executable, "-c", entry, "ablate", *map(str, args)], stderr=subprocess.DEVNULL)
    found = _wait_for(lambda: list((tmp_path / "grid").glob("cells/.parts/*.csv")))
    os.kill(grid.pid, signal.SIGKILL)
    grid.wait()
    time.sleep(0.5)
    parts = list((tmp_path / "grid").glob("cells/.parts/*.csv"))
    first = list((tmp_path / "grid").glob("cells/*/*/*/run.json"))
    assert found and len(parts) < 8, "it was killed too late to tell"
    times = {path: path.stat().st_mtime_ns for path in first}
    status, out, err = diffopt("ablate", *args, "--json")
    assert status == 0, err
    assert f"{len(parts)} of 8 cells are already done" in err
    assert {path: path.stat().st_mtime_ns for path in first} == times
    report = json.loads(out)
    assert len(report["cells"]) == 8 + 4 + 4 and not report["failures"]
    assert report["title"] == "Mine" and report["data"].startswith("2 ")


def _wait_for(look, seconds: float = 120):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("nothing came")


@pytest.mark.slow
def test_a_failing_cell_ends_in_status_one(diffopt, data, mine):
    np.savez(data / "walk_0.npz", keypoints=np.zeros((3, 17, 3)), init_transl=np.zeros((3, 3)))
    status, out, err = diffopt("ablate", mine, "--data", data, "--recipes", "paper", *flags())
    assert status == 1
    assert "failed: paper, walk_0, seed 0: " in err and "walk_0.npz: " in err
    assert "paper (1 of 2 missing)" in out
    for name in ("report.md", "report.html", "report.json", "cells.csv", "table.csv", "paths.png"):
        assert Path("runs/mine", name).stat().st_size > 90


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("tabel5",), "unknown table or recipe 'tabel5'. Did you mean 'table5'?"),
        (("paper", "--seeds", "0,x"), "--seeds 0,x: expected numbers"),
        (("paper", "--runner", "lokal"), "unknown runner 'lokal'. Did you mean 'local'?"),
        (("paper", "--address", "here:1"), "unknown option of runner 'local' 'address'"),
        (("paper", "--system", "wham"), "--system wham: expected NAME=FOLDER"),
        (("paper", "--system", "wham=nowhere"), "not a folder; expected a folder of results"),
        (("paper", "--set", "stage.warmup.rownds=2"), "rownds"),
        (("paper", "--set", 'exporters=["json"]'), "exporters: a grid needs npz"),
    ],
)
def test_mistakes_are_one_line(diffopt, data, args, said):
    status, _, err = diffopt("ablate", *args, "--data", data)
    assert status == 2 and said in err and err.count("error:") == 1


def test_no_data(diffopt, tmp_path):
    status, _, err = diffopt("ablate", "paper", "--data", "nowhere")
    assert status == 2 and "nowhere: --data: does not exist" in err
    (tmp_path / "empty").mkdir()
    status, _, err = diffopt("ablate", "paper", "--data", "empty")
    assert status == 2 and "no clip of at least 100 frames" in err


@pytest.mark.slow
def test_flags_of_the_simulator_are_not_for_cases(diffopt, data):
    for flag, value in (("--count", "2"), ("--frames", "12"), ("--source-fps", "30")):
        status, _, err = diffopt("ablate", "table2", "--data", data, flag, value, *flags())
        assert status == 2 and f"{flag} {value}" in err and "holds cases" in err


def test_motions_become_simulated_cases_and_every_title_says_so(diffopt, data, tmp_path):
    """A truth file is a motion; without EMDB Table 2 is made of it."""
    args = ("table2", "--data", data / "truth", "--count", "2", "--frames", "12", "--source-fps", "30", *flags())
    status, _, err = diffopt("ablate", *args)
    assert status == 0, err
    titles = [line for line in Path("runs/table2/report.md").read_text().splitlines() if line.startswith("### ")]
    assert titles and all("2 cases simulated from truth, not EMDB" in t for t in titles if "between the rows" not in t)
    assert diffopt("ablate", *args)[2].count("2 of 2 cells are already done") == 1


@pytest.fixture
def results(tmp_path, data) -> Path:
    """A folder of results: the truth itself, a little off."""
    folder = tmp_path / "results"
    for path in (data / "truth").glob("*.npz"):
        arrays = read_npz(path)
        arrays["joints"] = arrays["joints"] + 0.01 * np.sin(np.arange(arrays["joints"].size)).reshape(
            arrays["joints"].shape
        )
        write_npz(folder / path.stem / "motion.npz", {"joints": arrays["joints"], "fps": np.array(30.0)})
    return folder


def test_eval_of_folders(diffopt, results, data, tmp_path):
    shutil.copytree(results, tmp_path / "again")
    status, out, err = diffopt(
        "eval", results, "again", "--truth", data, "-m", "rigid_clip", "--out", "report", "--json"
    )
    assert status == 0, err
    report = json.loads(out)
    assert report["against_reference"]["rigid_clip"]["again"]["mean"] == 0
    assert report["against_reference"]["rigid_clip"]["again"]["p"] == 1
    assert report["means"]["results"]["rigid_clip"]["cases"] == 2
    assert Path("report/report.html").is_file()


def test_eval_of_two_results_of_one_clip(diffopt, results, data, tmp_path):
    shutil.copytree(results, tmp_path / "again")
    both, asked = (results / "walk_0", "again/walk_0/motion.npz"), ("--truth", data / "truth", "-m", "rigid_clip")
    status, out, err = diffopt("eval", *both, *asked, "--json")
    assert status == 0, err
    assert list(json.loads(out)["clips"]) == ["results/walk_0", "again/walk_0"]
    table = diffopt("eval", *both, *asked)[1]
    assert "results/walk_0" in table and "again/walk_0" in table
    alone = diffopt("eval", results / "walk_0", results / "walk_1", *asked, "--json")[1]
    assert list(json.loads(alone)["clips"]) == ["walk_0", "walk_1"]


def test_eval_marks_guesses_and_prints_the_truths_own_error_as_zero(diffopt, results, data):
    for path in results.glob("*/motion.npz"):
        assumed = json.dumps([{"what": "unit", "said": "metre, guessed", "guessed": True}])
        write_npz(path, {**read_npz(path), "assumed": np.array(assumed)})
    asked = ("-m", "jitter", "-m", "rigid_clip", "--json")
    one = json.loads(diffopt("eval", results / "walk_0", "--truth", data / "truth", *asked)[1])
    assert one["units"] == {"jitter": "10 m/s^3 (guessed)", "rigid_clip": "mm"}
    assert one["truth"]["rigid_clip"] == 0
    folders = json.loads(diffopt("eval", results, "--truth", data, *asked)[1])
    assert folders["units"] == one["units"]
    assert "(10 m/s^3)" in (table := diffopt("eval", results, "--truth", data, *asked[:4])[1]) and "(guessed)" in table


def test_eval_of_folders_that_do_not_match(diffopt, results, data):
    (results / "walk_0").rename(results / "other")
    status, _, err = diffopt("eval", results, "--truth", data)
    assert status == 2 and "lacks walk_0" in err and "it contains other" in err and "--partial" in err
    status, out, err = diffopt("eval", results, "--truth", data, "--partial", "-m", "rigid_clip")
    assert status == 0 and "lacks walk_0" in out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda a: a | {"joints": a["joints"][:-2]},
            "a result of a part (--frames, --shot, --resample) is scored by its run",
        ),
        (lambda a: a | {"fps": np.array(0.0)}, "fps: is 0.0"),
        (lambda a: {"fps": a["fps"]}, "joints: is missing"),
        (lambda a: a | {"joints": a["joints"][:, :22]}, "joints: has shape (12, 22, 3)"),
    ],
)
def test_eval_of_a_result_that_does_not_fit(diffopt, results, data, change, said):
    path = results / "walk_0" / "motion.npz"
    write_npz(path, change(read_npz(path)))
    status, _, err = diffopt("eval", results, "--truth", data, "-m", "rigid_clip")
    assert status == 1 and "failed: results, walk_0" in err and said in err


def test_eval_with_another_frame_rate(diffopt, results, data):
    truth = data / "truth" / "walk_0.npz"
    write_npz(truth, read_npz(truth) | {"fps": np.array(25.0)})
    status, _, err = diffopt("eval", results, "--truth", data, "-m", "rigid_clip")
    assert status == 1 and "fps: is 25.0" in err


def test_protocols_name_their_metrics_and_pool_frames(diffopt, results, data):
    status, out, err = diffopt("eval", results, "--truth", data, "--protocol", "emdb2/wham")
    assert status == 0, err
    assert "W-MPJPE" in out and "weighted by their frames" in out
    status, _, err = diffopt("eval", results, "--truth", data, "--protocol", "emdb2/wahm")
    assert status == 2 and "Did you mean 'emdb2/wham'" in err
    status, _, err = diffopt("eval", results, "--truth", data, "--protocol", "emdb2/wham", "-m", "RTE")
    assert status == 2 and "a protocol defines its metrics" in err
