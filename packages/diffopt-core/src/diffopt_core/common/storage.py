"""Files on this machine or in object storage, by their addresses (``s3://…``, ``gs://…``, any of fsspec's)."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from ..errors import BadInput, DiffOptError, MissingResource
from .documents import atomic

_MAGIC = frozenset("*?[")
#: Packages that bring fsspec's protocols.
_BRINGS = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
_FETCHED = "diffopt-inputs"


def is_address(text: object) -> bool:
    """Whether it names something that fsspec reads, and not a path."""
    protocol, mark, _ = str(text).partition("://")
    return bool(mark) and protocol.isalnum()


def address_of(path: object) -> str:
    """A path or an address as it was given: a Path makes one slash of two."""
    return re.sub(r"^([a-z][a-z0-9]+):/(?!/)", r"\1://", str(path))


def is_pattern(text: str) -> bool:
    return not _MAGIC.isdisjoint(text)


def _filesystem(address: str) -> tuple[Any, str]:
    import fsspec

    if not is_address(address):  # a path is no pattern and no chain of protocols
        return fsspec.filesystem("file"), os.path.abspath(address)
    protocol = address.partition("://")[0]
    try:
        return fsspec.core.url_to_fs(address)
    except ImportError as error:
        package = _BRINGS.get(protocol)
        how = f"uv pip install {package}" if package else str(error)
        raise MissingResource(f"{address}: fsspec's '{protocol}' is not installed: {how}") from error
    except ValueError as error:
        known = f"fsspec knows no protocol '{protocol}'" if "not known" in str(error) else str(error)
        raise DiffOptError(f"{address}: {known}") from error


#: What tells that a file has changed, by the names that protocols give it.
_STAMPS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "updated", "created")


def listed(address: str) -> dict[str, str]:
    """Addresses of the files that a pattern matches, or that lie in a folder; of the file itself; each with a mark that
    changes with the file, as far as the storage has one. One listing. Raises BadInput if there is none."""
    fs, path = _filesystem(address)
    protocol = address.partition("://")[0]
    with _told(address):
        if is_pattern(path):
            found = list(fs.glob(path, detail=True).values())
        else:
            found = [fs.info(path)] if fs.isfile(path) else fs.ls(path, detail=True)
    stamps = {}
    for info in found:
        name = str(info["name"]) if protocol == "file" else str(info["name"]).lstrip("/")
        if info["type"] == "file" and not PurePosixPath(name).name.startswith("."):
            stamp = next((str(info[key]) for key in _STAMPS if info.get(key)), "")
            stamps[name if is_address(name) else f"{protocol}://{name}"] = f"{info.get('size')} {stamp}"
    if not stamps:
        raise BadInput(address, "address", "there is nothing")
    return dict(sorted(stamps.items()))


def local_copy(address: str) -> Path:
    """Where :func:`fetched` puts a file: the same path on every machine with the same temporary folder."""
    mark = hashlib.sha256(address.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / _FETCHED / mark / PurePosixPath(address).name


def fetched(address: str, beside: str | None = None) -> Path:
    """A copy of a file on this machine; ``beside``: a file relative to it that is copied too, if it exists."""
    fs, path = _filesystem(address)
    copy = local_copy(address)
    with _told(address):
        _get(fs, path, copy)
        if beside:
            other = str(PurePosixPath(path).parent / beside)
            if fs.exists(other):
                _get(fs, other, copy.parent / beside)
    return copy


def _get(fs: Any, path: str, copy: Path) -> None:
    with fs.open(path, "rb") as source, atomic(copy) as target:
        shutil.copyfileobj(source, target)


def forget(address: str) -> None:
    """Remove the copy."""
    shutil.rmtree(local_copy(address).parent, ignore_errors=True)


@contextmanager
def _told(address: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise BadInput(address, "address", "does not exist") from error
    except DiffOptError:
        raise
    except Exception as error:  # of a protocol's own library: anything
        said = " ".join(str(error).split())[:300]
        raise DiffOptError(f"{address}: cannot be reached ({type(error).__name__}: {said})") from error


@dataclass(frozen=True)
class Folder:
    """A folder of files, ``where`` a path or an address. Files appear under their names when they are complete."""

    where: str

    def file(self, name: str) -> str:
        return f"{self.where.rstrip('/')}/{name}"

    def names(self, below: str = "") -> dict[str, int]:
        """Names of the files in it (or in a folder below it) and their sizes, by one listing."""
        fs, path = _filesystem(self.file(below))
        with _told(self.where):
            if not fs.exists(path):
                return {}
            fs.invalidate_cache(path)
            rows = fs.ls(path, detail=True)
        return {PurePosixPath(str(row["name"])).name: int(row["size"] or 0) for row in rows if row["type"] == "file"}

    def has(self, name: str) -> bool:
        """Whether there is such a file, without a listing."""
        fs, path = _filesystem(self.file(name))
        with _told(self.where):
            return bool(fs.exists(path))

    def read(self, name: str) -> bytes:
        fs, path = _filesystem(self.file(name))
        with _told(self.where):
            return fs.cat_file(path)

    def read_many(self, names: list[str]) -> list[bytes]:
        """Several files, at once where the storage can."""
        if not names or not is_address(self.where):
            return [self.read(name) for name in names]
        fs, _ = _filesystem(self.where)
        paths = [_filesystem(self.file(name))[1] for name in names]
        with _told(self.where):
            found = fs.cat(paths)
        return [found[path] for path in paths] if isinstance(found, dict) else [found]

    @contextmanager
    def write(self, name: str) -> Iterator[IO[bytes]]:
        """Open for writing; an exception inside leaves nothing."""
        if not is_address(self.where):
            with atomic(Path(self.file(name))) as file:
                yield file
            return
        fs, path = _filesystem(self.file(name))
        with tempfile.TemporaryFile() as draft:
            yield draft
            draft.seek(0)
            with _told(self.where), fs.open(path, "wb") as file:
                shutil.copyfileobj(draft, file)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        fs, path = _filesystem(self.file(name))
        with _told(self.file(name)):
            file = fs.open(path, "rb")
        with file:
            yield file

    def remove(self, names: list[str]) -> None:
        fs, _ = _filesystem(self.where)
        with _told(self.where):
            for name in names:
                path = _filesystem(self.file(name))[1]
                if fs.exists(path):
                    fs.rm_file(path)
