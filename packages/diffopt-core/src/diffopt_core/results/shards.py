"""Shards of results, archives in WebDataset's layout (``KEY.motion.npz``, ``KEY.run.json``, …), and their index."""

from __future__ import annotations

import atexit
import csv
import io
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory, mkdtemp
from typing import IO

from ..common.storage import Folder, address_of
from ..errors import BadInput, reading

INDEX = "index.csv"
COLUMNS = ("key", "input", "state", "reason", "error", "frames", "fps", "shard", "offset", "size", "mark")
Row = dict[str, str]


def as_csv(rows: Iterable[Mapping[str, object]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def from_csv(content: bytes, source: str) -> list[Row]:
    """Raises BadInput for something else than an index."""
    with reading(source):
        rows = list(csv.DictReader(io.StringIO(content.decode())))
    if rows and not set(COLUMNS) <= rows[0].keys():
        raise BadInput(source, "columns", f"expected {', '.join(COLUMNS)}")
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
                    key = member.name.partition(".")[0]
                    start = out.offset
                    out.addfile(member, tar.extractfile(member))
                    first = int(places.setdefault(key, {"shard": shard, "offset": str(start)})["offset"])
                    places[key]["size"] = str(out.offset - first)
    return places


def pack(file: IO[bytes], results: Iterable[tuple[str, Path]]) -> None:
    """An archive of result folders, in WebDataset's layout, without times and owners: equal results are equal bytes.
    Keys have no dots."""
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

    @contextmanager
    def unpacked(self) -> Iterator[Path]:
        """Its folder for the time of the block. Raises BadInput if the shard has no such key."""
        with TemporaryDirectory() as temporary:
            yield self.extract(Path(temporary) / self.where.rpartition("#")[2])

    def extract(self, folder: Path) -> Path:
        """Write its files into ``folder``."""
        shard, _, key = self.where.rpartition("#")
        where, _, name = shard.rpartition("/")
        home = Folder(where or ".")
        found = 0
        with reading(shard), home.open(name) as file:
            row = next((row for row in read_index(home) if row["key"] == key and row["shard"] == name), None)
            file.seek(int(row["offset"]) if row else 0)
            with tarfile.open(fileobj=file, mode="r|") as tar:
                for member in tar:
                    own, _, rest = member.name.partition(".")
                    if own == key and member.isfile() and PurePosixPath(rest).name == rest:
                        folder.mkdir(parents=True, exist_ok=True)
                        source = tar.extractfile(member)
                        assert source is not None
                        with open(folder / rest, "wb") as target:
                            shutil.copyfileobj(source, target)
                        found += 1
                    elif found:
                        break
        if not found:
            raise BadInput(shard, "key", f"'{key}' is not in this shard; {INDEX} beside it has the keys")
        return folder


@cache
def unpacked(folder: Path) -> Path | None:
    """Result folders with the motions and run files of a folder of shards, kept until the process ends; None if it has
    no shards."""
    many = Folder(address_of(folder))
    shards = sorted(name for name in many.names() if fnmatch(name, "shard-*.tar"))
    if not shards:
        return None
    where = {row["key"]: row["shard"] for row in read_index(many)}
    home = Path(mkdtemp(prefix="diffopt-shards-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    for shard in shards:
        with reading(many.file(shard)), many.open(shard) as file, tarfile.open(fileobj=file, mode="r|") as tar:
            for member in tar:
                key, _, name = member.name.partition(".")
                current = where.get(key, shard) == shard  # else it was overwritten
                if current and name in ("motion.npz", "run.json") and PurePosixPath(key).name == key:
                    source = tar.extractfile(member)
                    assert source is not None
                    (home / key).mkdir(exist_ok=True)
                    (home / key / name).write_bytes(source.read())
    return home
