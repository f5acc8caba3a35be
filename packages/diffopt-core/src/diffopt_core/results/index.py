"""The index of many results: every input once, with its state and where its result is.

A job leaves ``.parts/NUMBER-DIGEST.csv`` (a row for each of its inputs) when it is done, and beside it ``.tar``, if
results go to shards. :func:`gather` merges parts into ``index.csv``, and their archives into ``shard-NUMBER.tar``.
Whatever is killed in between, a part is merged once: the index is replaced as a whole after the shard is complete,
and parts are removed after that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from ..common.documents import read_json
from ..common.storage import Folder
from ..types import Result
from .failures import Failure
from .run import Run, name_of
from .shards import INDEX, Row, as_csv, from_csv, join, read_index

#: No key begins with a dot.
PARTS = ".parts"


def part_file(part: str, end: str) -> str:
    return f"{PARTS}/{part}.{end}"


def rows_of_run(run: Run, results: Sequence[Result], failed: Sequence[Failure]) -> list[Row]:
    """The index of a run in one process: every input once."""
    named = {str(result.clip.path): result for result in results}
    bad = {each.path: each for each in failed}
    rows = []
    for path in map(str, run.inputs):
        name = name_of(Path(path))
        kept = run.folder(name) / "run.json"
        row: Row = {"key": name, "input": path, "state": "left out"}
        if (result := named.get(path)) is not None:
            rows.append(row | {"key": result.clip.name} | row_of(result))
        elif (each := bad.get(path)) is not None:
            rows.append(row | {"state": "failed", "reason": each.reason, "error": each.error})
        else:
            rows.append(row | (row_of_saved(read_json(kept)) if kept.is_file() else {}))
    return rows


def row_of(result: Result) -> Row:
    """State and length of a result."""
    return {"state": str(result.status), "reason": result.reason,
            "frames": str(result.clip.num_frames), "fps": f"{result.clip.fps:g}"}  # fmt: skip


def row_of_saved(run: Mapping[str, Any]) -> Row:
    """:func:`row_of` by its run file; an older one has no frames."""
    return {"state": str(run["status"]), "reason": str(run.get("reason", "")),
            "frames": str(run.get("frames", "")), "fps": f"{run['fps']:g}"}  # fmt: skip


def resumed(folder: Folder) -> list[Row]:
    """The rows of the index, after merging what a run that was killed has left: two listings."""
    rows, names = read_index(folder), folder.names(PARTS)
    parts = {name.removesuffix(".csv"): names.get(name.removesuffix("csv") + "tar", 0)
             for name in names if name.endswith(".csv")}  # fmt: skip
    if not parts:
        return rows
    known = {(row["key"], row["mark"], row["state"]) for row in rows}
    stale = [name for name, new in _read_parts(folder, parts).items()
             if all((row["key"], row["mark"], row["state"]) in known for row in new)]  # fmt: skip
    _remove_parts(folder, stale)
    return gather(folder, rows, {name: size for name, size in parts.items() if name not in stale})


def _read_parts(folder: Folder, names: Iterable[str]) -> dict[str, list[Row]]:
    ordered = sorted(names)
    texts = folder.read_many([part_file(name, "csv") for name in ordered])
    return {name: from_csv(text, name) for name, text in zip(ordered, texts, strict=True)}


def _remove_parts(folder: Folder, names: Iterable[str]) -> None:
    folder.remove([part_file(name, end) for name in names for end in ("csv", "tar")])


def gather(folder: Folder, rows: Sequence[Row], parts: Mapping[str, int]) -> list[Row]:
    """Merge parts into the index, and their archives into one new shard. Returns all rows."""
    if not parts:
        return list(rows)
    new = [row for found in _read_parts(folder, parts).values() for row in found]
    archives = [name for name in sorted(parts) if parts[name]]
    if archives:
        known = [row["shard"] for row in rows if row["shard"]]
        shard = f"shard-{1 + max((int(PurePosixPath(name).stem.split('-')[1]) for name in known), default=-1):05d}.tar"
        places = join(folder, shard, [part_file(name, "tar") for name in archives])
        new = [{**row, **places.get(row["key"], {})} for row in new]
    again = {row["key"] for row in new}
    kept = [row for row in rows if row["key"] not in again]
    with folder.write(INDEX) as file:
        file.write(as_csv([*kept, *new]))
    _remove_parts(folder, parts)
    # Whoever reads shard-*.tar must not meet a key twice: what was overwritten goes.
    used = {row["shard"] for row in (*kept, *new)}
    folder.remove([name for name in folder.names() if fnmatch(name, "shard-*.tar") and name not in used])
    return [*kept, *new]
