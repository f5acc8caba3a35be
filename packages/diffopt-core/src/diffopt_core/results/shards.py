"""Shards of results, archives in WebDataset's layout (``KEY.motion.npz``, ``KEY.run.json``, …), and their index."""

from __future__ import annotations

import atexit
import csv
import io
import json
import re
import shutil
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache, lru_cache, partial
from itertools import groupby
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory, mkdtemp
from typing import IO, Any

from ..common.storage import Folder, address_of
from ..errors import BadInput, reading
from ..types import Status

INDEX, RUN = "index.csv", "run.json"
COLUMNS = ("key", "input", "state", "reason", "error", "frames", "fps", "shard", "offset", "size", "mark")
Row = dict[str, str]
#: Of the columns that are used: whether a value may be.
_STATES = {*map(str, Status), "failed", "open", "kept", "left out"}
_RIGHT: dict[str, Callable[[str], bool]] = {
    "key": lambda text: bool(text) and not text.startswith(".") and ".." not in text.split("/"),
    "state": _STATES.__contains__,
    "frames": lambda text: not text or text.isdecimal(),
    "shard": lambda text: re.fullmatch(r"(shard-\d+\.tar)?", text) is not None,
    "offset": lambda text: not text or text.isdecimal(),
}


def as_csv(rows: Iterable[Mapping[str, object]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def from_csv(content: bytes, source: str) -> list[Row]:
    """Raises BadInput for something else than an index, and for a line that somebody has spoilt."""
    with reading(source):
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    if rows and not set(COLUMNS) <= rows[0].keys():
        raise BadInput(source, "columns", f"expected {', '.join(COLUMNS)}")
    seen: set[str] = set()
    for number, row in enumerate(rows, 2):
        wrong = next((name for name, is_right in _RIGHT.items() if not is_right(row[name] or "")), None)
        if row["key"] in seen or wrong is not None:
            said = f"{wrong} is '{row[wrong]}'" if wrong else f"key '{row['key']}' is there twice"
            raise BadInput(source, f"entry {number - 1}", f"{said}; without the entry its input is done again")
        seen.add(row["key"])
    return rows


def read_index(folder: Folder) -> list[Row]:
    """Rows of the index; empty if there is none."""
    return from_csv(folder.read(INDEX), folder.file(INDEX)) if INDEX in folder.names() else []


def join(folder: Folder, shard: str, archives: Sequence[str]) -> dict[str, Row]:
    """Write a shard of archives, member by member; returns where each key's members are in it."""
    places: dict[str, Row] = {}
    with folder.write(shard) as file, tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as out:
        for archive in archives:
            with folder.open(archive) as source, tarfile.open(fileobj=source, mode="r") as tar:
                for member in tar:
                    key, _ = split_name(member.name)
                    start = out.offset
                    out.addfile(member, tar.extractfile(member))
                    first = int(places.setdefault(key, {"shard": shard, "offset": str(start)})["offset"])
                    places[key]["size"] = str(out.offset - first)
    return places


def split_name(member: str) -> tuple[str, str]:
    """Key of a result and name of its file; the last part of a key has no dot."""
    folder, slash, name = member.rpartition("/")
    own, _, file = name.partition(".")
    return f"{folder}{slash}{own}", file


def files_at(file: Any, row: Row | None, key: str) -> Iterator[tuple[str, IO[bytes]]]:
    """The files of a result in a shard, open on disk or in storage; ``row``: of the index, if there is one."""
    file.seek(int(row["offset"]) if row else 0)
    with tarfile.open(fileobj=file, mode="r:") as tar:
        found = False
        for member in tar:
            own, name = split_name(member.name)
            if own == key and member.isfile() and PurePosixPath(name).name == name:
                source = tar.extractfile(member)
                assert source is not None
                found = True
                yield name, source
            elif found:
                break


def run_files(folder: Folder, rows: Iterable[Row]) -> Iterator[tuple[Row, dict[str, Any]]]:
    """The run files of results of an index, each shard opened once. Those that are gone are left out; one that is
    damaged is empty."""
    ordered = sorted(rows, key=lambda row: (row["shard"], int(row["offset"] or 0)))
    for shard, group in groupby(ordered, key=lambda row: row["shard"]):
        if not shard:
            files = ((row, Path(folder.file(f"{row['key']}/{RUN}"))) for row in group)
            yield from ((row, _document(path.read_bytes)) for row, path in files if path.is_file())
        elif shard in folder.names():
            with folder.open(shard) as file:
                for row in group:
                    yield row, _document(partial(_run_at, file, row))


def _run_at(file: Any, row: Row) -> bytes:
    return next((source.read() for name, source in files_at(file, row, row["key"]) if name == RUN), b"")


def _document(read: Callable[[], bytes]) -> dict[str, Any]:
    try:
        told = json.loads(read())
    except (OSError, ValueError, tarfile.TarError):
        return {}
    return told if isinstance(told, dict) else {}


def pack(file: IO[bytes], results: Iterable[tuple[str, Path]]) -> None:
    """An archive of result folders, in WebDataset's layout, without times and owners: equal results are equal
    bytes."""
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for key, folder in results:
            for path in sorted(p for p in folder.iterdir() if p.is_file()):
                member = tarfile.TarInfo(f"{key}.{path.name}")
                member.size = path.stat().st_size
                with open(path, "rb") as source:
                    tar.addfile(member, source)


@dataclass(frozen=True)
class Packed:
    """A result in a shard. ``where``: ``SHARD.tar#KEY``, a path or an address."""

    where: str

    @classmethod
    def of(cls, text: object) -> Packed | None:
        shard, mark, key = address_of(text).rpartition("#")
        return cls(address_of(text)) if mark and key and shard.endswith(".tar") else None

    @property
    def name(self) -> str:
        """Last part of the key, a plain name."""
        return PurePosixPath(self.where.rpartition("#")[2]).name.lstrip(".") or "result"

    @contextmanager
    def unpacked(self) -> Iterator[Path]:
        """Its folder for the time of the block. Raises BadInput if the shard has no such key."""
        with TemporaryDirectory() as temporary:
            yield self.extract(Path(temporary) / self.name)

    def extract(self, folder: Path, index: Callable[[Folder], Iterable[Row]] = read_index) -> Path:
        """Write its files into ``folder``. ``index``: gives the rows of the index beside the shard."""
        shard, _, key = self.where.rpartition("#")
        where, _, name = shard.rpartition("/")
        home = Folder(where or ".")
        with reading(shard), home.open(name) as file:
            row = next((row for row in index(home) if row["key"] == key and row["shard"] == name), None)
            for rest, source in files_at(file, row, key):
                folder.mkdir(parents=True, exist_ok=True)
                with open(folder / rest, "wb") as target:
                    shutil.copyfileobj(source, target)
        if not (folder / RUN).is_file():
            if row is not None:
                raise BadInput(shard, "file", f"cannot be read: '{key}' is not at byte {row['offset']}, where {INDEX} "
                               "has it: the shard is cut off, or the index is of another")  # fmt: skip
            raise BadInput(shard, "key", f"'{key}' is not in this shard; {INDEX} beside it has the keys")
        return folder


@cache
def on_disk(result: Path) -> Path:
    """A result's folder or file; of one in a shard its folder, taken out of it until the process ends."""
    packed = Packed.of(result)
    return result if packed is None else packed.extract(_temporary() / packed.name, _index_once)


@lru_cache(maxsize=1)
def _index_once(folder: Folder) -> list[Row]:
    return read_index(folder)


def _temporary() -> Path:
    home = Path(mkdtemp(prefix="diffopt-shards-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return home


@cache
def unpacked(folder: Path) -> Path | None:
    """Result folders with the motions and run files of a folder of shards, kept until the process ends; None if it has
    no shards."""
    many = Folder(address_of(folder))
    shards = sorted(name for name in many.names() if fnmatch(name, "shard-*.tar"))
    if not shards:
        return None
    where = {row["key"]: row["shard"] for row in read_index(many)}
    home = _temporary()
    for shard in shards:
        with reading(many.file(shard)), many.open(shard) as file, tarfile.open(fileobj=file, mode="r|") as tar:
            for member in tar:
                key, name = split_name(member.name)
                current = where.get(key, shard) == shard  # else it was overwritten
                safe = not {"", ".", ".."}.intersection(key.split("/"))
                if current and name in ("motion.npz", RUN) and safe:
                    source = tar.extractfile(member)
                    assert source is not None
                    (home / key).mkdir(parents=True, exist_ok=True)
                    (home / key / name).write_bytes(source.read())
    return home
