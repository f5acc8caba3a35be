"""What an earlier start of a grid has read, so that the next one reads two files instead of every case and cell: what
is kept is used as long as the file or folder that it was read from has not been touched."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from diffopt_core.common.documents import atomic

from .plan import TRUTH, Key, PlannedCase, cell_folder
from .work import Status, read_status, status_of

CASES, CELLS = "known-cases.jsonl", "known-cells.tsv"


class KnownCases:
    """Cases that were opened with the same options. A case with an error is opened again."""

    def __init__(self, out: Path, options: Any):
        self._out, self._options = out, json.loads(json.dumps(options, default=str))
        self._lines = {line["path"]: line for line in _lines(out / CASES) if line.get("options") == self._options}
        self._kept: list[dict[str, Any]] = []

    def get(self, path: Path) -> PlannedCase | None:
        line, stamp = self._lines.get(str(path)), _stamp(path)
        if line is None or stamp is None or line["stamp"] != stamp:
            return None
        try:
            case = PlannedCase(**line["case"])
        except TypeError:  # of another version
            return None
        if line["truth"] and not self._truth(case).is_file():
            return None
        self._kept.append(line)
        return case

    def put(self, path: Path, case: PlannedCase) -> None:
        if case.error is None and (stamp := _stamp(path)) is not None:
            self._kept.append({"path": str(path), "stamp": stamp, "options": self._options, "case": asdict(case),
                               "truth": self._truth(case).is_file()})  # fmt: skip

    def write(self) -> None:
        _write(self._out / CASES, (json.dumps(line) for line in self._kept))

    def _truth(self, case: PlannedCase) -> Path:
        return self._out / TRUTH / f"{case.name}.npz"


def _stamp(path: Path) -> list[int] | None:
    """Size and time of change of a case's file, and of the truth beside it; None for a folder, in which a file may
    change."""
    file = Path(str(path).partition("#")[0])
    found: list[int] = []
    for each in (file, file.parent / "truth" / file.name):
        with suppress(OSError):
            about = each.stat()
            found += [about.st_size, about.st_mtime_ns]
    return found if file.is_file() else None


class KnownCells:
    """The statuses of cells. A cell whose folder was touched since is read again."""

    def __init__(self, out: Path):
        self._out = out
        self._kept: dict[str, tuple[int, str]] = {}
        with suppress(OSError, ValueError), open(out / CELLS, encoding="utf-8") as file:
            for line in file:  # a status is parsed where it is asked for: most of a large grid's memory would be these
                name, touched, said = line.rstrip("\n").split("\t", 2)
                self._kept[name] = int(touched), said
        self._touched: dict[Path, dict[str, int]] = {}
        self._changed = False

    def get(self, key: Key) -> Status | None:
        """The status of a cell; None if it has none, or no result."""
        folder = cell_folder(self._out, key)
        touched = self._listing(folder.parent).get(folder.name)
        if touched is None:
            return None
        name = str(folder.relative_to(self._out))
        kept = self._kept.get(name)
        if kept is not None and kept[0] == touched and (status := status_of(kept[1])) is not None:
            return status
        status = read_status(folder)
        if status is not None:
            self._kept[name] = touched, status.as_json()
            self._changed = True
        return status

    def write(self) -> None:
        if self._changed:
            _write(self._out / CELLS, (f"{name}\t{touched}\t{said}" for name, (touched, said) in self._kept.items()))

    def _listing(self, folder: Path) -> dict[str, int]:
        """When the folders in it were touched last, ns, by one listing."""
        if folder not in self._touched:
            found: dict[str, int] = {}
            with suppress(OSError), os.scandir(folder) as entries:
                found = {entry.name: entry.stat().st_mtime_ns for entry in entries if entry.is_dir()}
            self._touched[folder] = found
        return self._touched[folder]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with suppress(OSError, ValueError), open(path, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _write(path: Path, lines: Iterator[str]) -> None:
    with atomic(path) as file:
        for line in lines:
            file.write(f"{line}\n".encode())
