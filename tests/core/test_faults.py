"""What goes wrong around a run: kills, full disks, two at once, memory. The next call ends with the whole folder."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from diffopt_core.errors import DiffOptError
from diffopt_core.host.registry import Registry
from diffopt_core.host.testing import make_clip
from diffopt_core.parts.datasets.case_file import arrays_of, write_case
from diffopt_core.results import run as walk
from diffopt_core.results.folder import ResultFolder
from diffopt_core.results.recover import recover

KILLS = Path(__file__).parents[2] / "tools" / "kills.py"
QUICK = {"prior": "none", "representation": "raw", "stage.warmup.all.steps": 2, "stage.guide.rounds": 1,
         "stage.finetune.all.steps": 2}  # fmt: skip


@pytest.fixture
def case(tmp_path: Path) -> Path:
    write_case(tmp_path / "case.npz", arrays_of(make_clip(8)))
    return tmp_path / "case.npz"


def solve(case, out, **more):
    return recover(case, "paper", settings=QUICK, out=out, **more)


@pytest.mark.slow
def test_a_killed_run_is_done_again_whole(tmp_path):
    done = subprocess.run(
        [sys.executable, str(KILLS), "case", "--kills", "2"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_the_dead_left_is_swept(case, tmp_path):
    (tmp_path / ".out.draft-abc").mkdir()
    (tmp_path / ".out.draft-abc" / "motion.npz").touch()
    (tmp_path / ".case.npz.999999999.part").touch()
    solve(case, tmp_path / "out")
    write_case(case, arrays_of(make_clip(8)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["case.npz", "out"]


def test_a_folder_is_one_runs_at_a_time(case, tmp_path):
    with ResultFolder(tmp_path / "out").claimed(), pytest.raises(DiffOptError, match="another run is writing here"):
        solve(case, tmp_path / "out")
    solve(case, tmp_path / "out")
    assert (tmp_path / "out" / "run.json").is_file()


class Full:
    """An exporter on a disk without room; the first writes go through."""

    def __init__(self, inner, left):
        self.inner, self.left = inner, left

    def export(self, result, folder):
        self.left -= 1
        if self.left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
        return self.inner.export(result, folder)


@pytest.mark.parametrize("left", [0, 1, 2])
def test_a_full_disk_at_each_write_leaves_nothing(case, tmp_path, monkeypatch, left):
    build = Registry.build

    def full(self, kind, name, options, ctx):
        built = build(self, kind, name, options, ctx)
        return Full(built, left - ("npz", "json", "evidence").index(name)) if kind == "exporter" else built

    monkeypatch.setattr(Registry, "build", full)
    with pytest.raises(DiffOptError, match=r"out: cannot be written \(No space left on device\)"):
        solve(case, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["case.npz"]
    monkeypatch.undo()
    assert (tmp_path / "out").exists() or solve(case, tmp_path / "out")


def test_a_picture_that_fails_does_not_cost_the_result(tmp_path, case):
    class Broken:
        def export(self, result, folder):
            raise DiffOptError(f"{folder}: no picture")

    found = recover(case, "paper", settings=QUICK)
    folder = ResultFolder(tmp_path / "out")
    with pytest.raises(DiffOptError, match=f"{tmp_path / 'out'}: no picture"):
        folder.write(found, [], {"fingerprint": "x", "status": "finished"}, [Broken()])
    assert folder.holds("x")


def test_ctrl_c_while_writing_leaves_no_draft(tmp_path, case):
    class Interrupts:
        def export(self, result, folder):
            (folder / "half").touch()
            raise KeyboardInterrupt

    found = recover(case, "paper", settings=QUICK)
    with pytest.raises(KeyboardInterrupt):
        ResultFolder(tmp_path / "out").write(found, [Interrupts()], {})
    assert [path.name for path in tmp_path.iterdir()] == ["case.npz"]


def test_a_folder_that_is_deleted_meanwhile_is_made_again(case, tmp_path):
    def away(*_):
        if (tmp_path / "out").exists():
            (tmp_path / "out").rmdir()

    solve(case, tmp_path / "out", report=away)
    assert (tmp_path / "out" / "run.json").is_file()


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you")])
def test_a_batch_that_does_not_fit_is_halved_once_and_told(tmp_path, monkeypatch, caplog, error):
    real, sizes = walk.solve_batch, []

    def small(members, solver):
        sizes.append(len(members))
        if len(members) > 2:
            raise error
        return real(members, solver)

    monkeypatch.setattr(walk, "solve_batch", small)
    cases = [tmp_path / f"{name}.npz" for name in "abcd"]
    for path in cases:
        write_case(path, arrays_of(make_clip(8)))
    results = recover(cases, "paper", settings=QUICK)
    assert sizes == [4, 2, 2] and [result.clip.name for result in results] == list("abcd")
    assert "4 clips at once do not fit into memory" in caplog.text
    alone = recover(cases[3], "paper", settings=QUICK)
    np.testing.assert_allclose(results[3].joints, alone.joints, atol=1e-5)
    monkeypatch.setattr(walk, "solve_batch", lambda *_: (_ for _ in ()).throw(error))
    with pytest.raises(DiffOptError, match="8 frames do not fit into memory"):
        recover(cases[0], "paper", settings=QUICK)
