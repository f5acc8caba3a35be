"""Merging parts into the index and shards: whatever is killed in between, each key is there once."""

from __future__ import annotations

import tarfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from diffopt_core.common.storage import Folder
from diffopt_core.results.index import PARTS, part_file, resumed
from diffopt_core.results.shards import Packed, as_csv, pack

KEYS = [f"{part}{k}" for part in "abc" for k in range(2)]


def leave_parts(folder: Folder, tmp_path: Path) -> None:
    """Three jobs, each with two results and a clip that failed."""
    for part in "abc":
        for k in range(2):
            (tmp_path / f"{part}{k}").mkdir(exist_ok=True)
            (tmp_path / f"{part}{k}" / "run.json").write_text(f"{part}{k}")
        rows = [{"key": f"{part}{k}", "state": "finished", "mark": part} for k in range(2)]
        rows.append({"key": f"{part}-bad", "state": "failed", "mark": f"{part}!"})
        with folder.write(part_file(part, "tar")) as file:
            pack(file, [(f"{part}{k}", tmp_path / f"{part}{k}") for k in range(2)])
        with folder.write(part_file(part, "csv")) as file:
            file.write(as_csv(rows))


@contextmanager
def then_killed(writing):
    with writing as file:
        yield file
    raise KeyboardInterrupt


@pytest.mark.parametrize("operation", ["write", "remove", "read_many"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(3))
def test_a_kill_at_any_step_loses_and_doubles_nothing(operation, after, number, tmp_path, monkeypatch):
    folder, calls = Folder(str(tmp_path / "out")), []
    leave_parts(folder, tmp_path)
    with monkeypatch.context() as patch:
        whole = getattr(Folder, operation)

        def killed(self, *args):
            calls.append(args)
            if len(calls) != number + 1:
                return whole(self, *args)
            if after and operation == "write":
                return then_killed(whole(self, *args))
            if after:
                whole(self, *args)
            raise KeyboardInterrupt

        patch.setattr(Folder, operation, killed)
        try:
            resumed(folder)
        except KeyboardInterrupt:
            assert len(calls) == number + 1
    rows = resumed(folder)
    assert sorted(row["key"] for row in rows) == sorted([*KEYS, "a-bad", "b-bad", "c-bad"])
    assert not folder.names(PARTS)
    members = []
    for shard in Path(folder.where).glob("*.tar"):
        with tarfile.open(shard) as tar:
            members += tar.getnames()
    assert sorted(members) == sorted(f"{key}.run.json" for key in KEYS)
    for row in rows:
        if row["state"] == "finished":
            found = Packed(f"{folder.where}/{row['shard']}#{row['key']}").extract(tmp_path / "taken" / row["key"])
            assert (found / "run.json").read_text() == row["key"]
