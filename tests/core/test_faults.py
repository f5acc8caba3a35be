"""What goes wrong around a run: kills, full disks, two at once, memory. The next call ends with the whole folder."""

from __future__ import annotations

import builtins
import errno
import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from diffopt_core.errors import BadInput, DiffOptError, reading
from diffopt_core.host.registry import Registry
from diffopt_core.host.testing import make_clip
from diffopt_core.parts.datasets.case_file import arrays_of, write_case
from diffopt_core.perception import cache
from diffopt_core.results import execute as walk
from diffopt_core.results.folder import ResultFolder
from diffopt_core.results.recover import recover
from diffopt_core.types import Clip

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


@pytest.mark.parametrize(("slip", "ours"), [
    (lambda: eval("undefined_name"), True), (lambda: np.no_such_thing, True), (lambda: make_clip(8).gone, True),
    (lambda: (lambda one: one)(), True), (lambda: Clip.load("x"), True), (lambda: {}.shape, False),
    (lambda: {}["key"], False), (lambda: next(iter(()), None)[0], False), (lambda: float("x"), False),
    (lambda: np.zeros(3) @ np.zeros(2), False),
])  # fmt: skip
def test_a_slip_of_ours_is_not_the_files_fault(tmp_path, slip, ours):
    """It stays what it is, which the command line tells as our own fault; what a file can cause is the file's."""
    with pytest.raises(Exception) as caught, reading(tmp_path / "a.pkl"):
        slip()
    assert isinstance(caught.value, BadInput) is not ours


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
    with pytest.raises(DiffOptError, match=r"out: cannot be written \(No space left on device\); the disk is full"):
        solve(case, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["case.npz"]
    monkeypatch.undo()
    assert (tmp_path / "out").exists() or solve(case, tmp_path / "out")


class Failing:
    """Every way to write, which fails from the call of a number on."""

    def __init__(self, patch, number, code):
        self.left, self.failed, self.code = number, False, code
        for module, name in ((os, "replace"), (os, "mkdir"), (builtins, "open"), (io, "open")):
            patch.setattr(module, name, self.held(getattr(module, name)))

    def held(self, real):
        def call(path, *args, **more):
            mode = str(more.get("mode", args[0] if args else "r"))
            if real is not io_open or set(mode) & set("wxa+"):
                self.left -= 1
                if self.left < 0:
                    self.failed = True
                    raise OSError(self.code, os.strerror(self.code), str(path))
            return real(path, *args, **more)

        return call


io_open = io.open


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.ENOENT])
def test_a_write_that_fails_is_one_line_and_the_next_call_ends_whole(case, tmp_path, code):
    for number in range(99):
        out = tmp_path / f"out{number}"
        with pytest.MonkeyPatch.context() as patch:
            disk = Failing(patch, number, code)
            try:
                solve(case, out)
            except DiffOptError as error:
                assert "cannot" in str(error) and str(out) in str(error)
            else:
                break
        assert disk.failed and not [left for left in tmp_path.iterdir() if left.name.startswith(".")]
        solve(case, out)
        assert {file.name for file in out.iterdir()} == {"run.json", "motion.npz", "motion.json", "evidence.npz"}
    assert number > 6 and not disk.failed


def test_ctrl_c_at_any_report_leaves_nothing_and_the_next_call_ends_whole(case, tmp_path):
    for number in range(99):
        calls = iter(range(99))

        def interrupts(*_, number=number, calls=calls):
            if next(calls) == number:
                raise KeyboardInterrupt

        try:
            solve(case, tmp_path / "out", overwrite=True, report=interrupts)
            break
        except KeyboardInterrupt:
            assert [path.name for path in tmp_path.iterdir()] == ["case.npz"]
    assert number > 2 and (tmp_path / "out" / "run.json").is_file()


def test_another_run_does_not_take_a_folder(case, tmp_path):
    solve(case, tmp_path / "out")
    before = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    with pytest.raises(DiffOptError, match=r"out: holds the result of another run .*--overwrite"):
        solve(case, tmp_path / "out", seed=1)
    assert before == {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    solve(case, tmp_path / "out", seed=1, overwrite=True)
    assert json.loads((tmp_path / "out" / "run.json").read_text())["seed"] == 1


def test_what_was_found_in_images_need_not_be_kept(tmp_path, monkeypatch, caplog):
    (tmp_path / "cache").touch()  # a file where the folder should be
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path / "cache")
    part = make_clip(8).camera
    assert cache.kept(type(part), "k", lambda: part, fresh=False) is part
    assert "perception results could not be cached" in caplog.text and "cannot write" in caplog.text


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


def test_what_was_warned_of_is_told_again_with_the_entry(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path)
    part = make_clip(5).body

    def found():
        logging.getLogger("somebody").warning("the left arm is hidden")
        return part

    for _ in range(2):
        caplog.clear()
        again = cache.kept(type(part), "k", found, fresh=False)
        assert caplog.messages == ["the left arm is hidden"]
    assert again is not part and torch.equal(again.transl, part.transl)


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
    assert "4 clips do not fit into memory as one batch" in caplog.text
    alone = recover(cases[3], "paper", settings=QUICK)
    np.testing.assert_allclose(results[3].joints, alone.joints, atol=1e-5)
    monkeypatch.setattr(walk, "solve_batch", lambda *_: (_ for _ in ()).throw(error))
    with pytest.raises(DiffOptError, match="8 frames do not fit into memory"):
        recover(cases[0], "paper", settings=QUICK)
