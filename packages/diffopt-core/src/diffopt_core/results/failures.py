"""Inputs without a result: a bad clip costs itself alone, and its reason is kept."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import BadInput, DiffOptError
from ..host.guests import named
from ..host.registry import Registry

_FULL = {errno.ENOSPC, errno.EDQUOT}
#: Parts of messages by which errors of workers that stop the run are known.
DISK_FULL, OTHER_RUN = "the disk is full", "holds the result of another run"


class DiskFull(DiffOptError):
    """No more results can be written: the run stops."""


class OtherRun(DiffOptError):
    """A result that is there is not of the run that is asked for; nothing is replaced."""

    def __init__(self, where: object, differs: str):
        super().__init__(f"{where}: {OTHER_RUN} ({differs}); choose another folder with --out, or replace it with "
                         "--overwrite")  # fmt: skip


@dataclass(frozen=True)
class Failure:
    """``error``: one line. ``reason``: the same line without the clip's names, so that clips that fail
    alike have the same but for numbers. ``trace``: traceback of a bug."""

    name: str
    path: str
    error: str
    reason: str
    trace: str | None = None

    @classmethod
    def of(cls, name: str, path: object, error: Exception) -> Failure:
        bug = not isinstance(error, DiffOptError)
        said = " ".join((f"unexpected {type(error).__name__}: {error}" if bug else str(error)).split())
        told = f"{error.key}: {error.problem}" if isinstance(error, BadInput) else said
        reason = without(told, name, path)
        trace = "".join(traceback.format_exception(error)) if bug else None
        return cls(name, str(path), said, reason, trace)


def without(said: str, name: str, path: object) -> str:
    """A message without the names of its clip. The name alone may be any word."""
    for word in (str(path), Path(str(path)).name, f"'{name}'", f"{name}: "):
        said = said.replace(word, "… " if word.endswith(" ") else "…") if len(word) > 1 else said
    return " ".join(said.split()).removeprefix("…: ").removeprefix("… ")


@contextmanager
def spared(failed: list[Failure] | None, name: str, path: object, registry: Registry) -> Iterator[None]:
    """Keep an exception of this clip in ``failed``; with None it is raised. A full disk, and a result of another run in
    its place, are raised in any case."""
    try:
        with named(registry):
            yield
    except Exception as error:
        stop_if_full(error, path)
        if failed is None or isinstance(error, MemoryError | OtherRun):
            raise
        failed.append(Failure.of(name, path, error))


@contextmanager
def full_disk_told(where: object) -> Iterator[None]:
    """Raise DiskFull for what a full disk causes in the block."""
    try:
        yield
    except Exception as error:
        stop_if_full(error, where)
        raise


def stop_if_full(error: BaseException, where: object) -> None:
    """Raise DiskFull if a full disk caused the error."""
    if isinstance(error, DiskFull):
        raise error
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _FULL:
            told = isinstance(error, DiffOptError) and str(cause.strerror) in str(error)
            said = f"{error}; {DISK_FULL}" if told else f"{where}: {DISK_FULL} ({cause.strerror})"
            raise DiskFull(f"{said}; make room and run it again: what is done is kept") from error
        cause = cause.__cause__ or cause.__context__
