"""The result folder: refused where another run lives, whole or not at all."""

from __future__ import annotations

import json
import os

import pytest
from diffopt_core.errors import DiffOptError
from diffopt_core.host.testing.results import make_result
from diffopt_core.results.folder import ResultFolder

RUN = {"fingerprint": "abc", "status": "finished"}


class Writes:
    """An exporter that writes a file, or fails half-way."""

    def __init__(self, name="motion.npz", fails=False):
        self.name, self.fails = name, fails

    def export(self, result, folder):
        (folder / self.name).write_text("half")
        if self.fails:
            raise RuntimeError("disk full")
        (folder / self.name).write_text("whole")
        return [folder / self.name]


@pytest.fixture(scope="module")
def result():
    return make_result(4)


def test_written_whole(tmp_path, result):
    folder = ResultFolder(tmp_path / "deep" / "out")
    files = folder.write(result, [Writes(), Writes("b.txt")], RUN)
    assert [file.name for file in files] == ["b.txt", "motion.npz", "run.json"]
    assert json.loads(folder.run_file.read_text()) == RUN
    assert sorted(path.name for path in folder.path.parent.iterdir()) == ["out"], "drafts are left over"


def test_a_failing_exporter_leaves_nothing(tmp_path, result):
    with pytest.raises(RuntimeError, match="disk full"):
        ResultFolder(tmp_path / "out").write(result, [Writes(), Writes("b.txt", fails=True)], RUN)
    assert list(tmp_path.iterdir()) == []


def test_a_failing_exporter_leaves_the_old_result(tmp_path, result):
    folder = ResultFolder(tmp_path / "out")
    folder.write(result, [Writes()], RUN)
    with pytest.raises(RuntimeError):
        folder.write(result, [Writes(fails=True)], {**RUN, "fingerprint": "new"})
    assert (folder.path / "motion.npz").read_text() == "whole"
    assert folder.holds("abc")


def test_a_run_cut_off_between_the_moves_is_no_result(tmp_path, result, monkeypatch):
    """``run.json`` goes first and comes back last, so what lies between is never taken for a finished run."""
    folder = ResultFolder(tmp_path / "out")
    folder.write(result, [Writes()], RUN)

    def cut_off(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", cut_off)
    with pytest.raises(KeyboardInterrupt):
        folder.write(result, [Writes()], RUN)
    assert not folder.holds("abc")


def test_the_same_run_is_held_another_is_refused(tmp_path, result):
    folder = ResultFolder(tmp_path / "out")
    folder.check("abc", overwrite=False)
    folder.write(result, [Writes()], RUN)
    folder.check("abc", overwrite=False)
    assert folder.holds("abc") and not folder.holds("xyz")
    with pytest.raises(DiffOptError, match=r"the result of another run .*--overwrite"):
        folder.check("xyz", overwrite=False)
    folder.check("xyz", overwrite=True)


def test_a_diverged_result_is_not_held(tmp_path, result):
    folder = ResultFolder(tmp_path / "out")
    folder.write(result, [], {**RUN, "status": "diverged"})
    assert not folder.holds("abc")


@pytest.mark.parametrize("content", ["", "{", "null", "[]"])
def test_a_broken_run_file_is_no_result(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    folder = ResultFolder(tmp_path)
    assert not folder.holds("abc")
    folder.check("abc", overwrite=False)


def test_no_permission_is_said_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(DiffOptError, match="no permission to write; choose another folder with --out"):
        ResultFolder(tmp_path / "out").check("abc", overwrite=False)


def test_a_file_in_the_way(tmp_path, result):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(DiffOptError, match="is a file"):
        ResultFolder(tmp_path / "out").check("abc", overwrite=True)
    with pytest.raises(DiffOptError, match=r"cannot be written|is a file"):
        ResultFolder(tmp_path / "out" / "deeper").check("abc", overwrite=True)
        ResultFolder(tmp_path / "out" / "deeper").write(result, [], RUN)
    assert (tmp_path / "out").read_text() == "mine"
