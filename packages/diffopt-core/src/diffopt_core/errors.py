"""Errors that the user can fix. The command line prints them as one line and exits with their status."""

from __future__ import annotations

import difflib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from types import ModuleType

_LONGEST = 2000
#: What Python says of a call that does not fit.
_CALL = re.compile(r"\(\) (missing \d+ required|takes (from )?\d+|got (an unexpected keyword|multiple values))")


class DiffOptError(Exception):
    """An error that the user can fix: one line that names the file, the key and the remedy. Exit status 2."""

    exit_status = 2

    def __init__(self, message: object = ""):
        # names of files and keys may hold control characters, and messages are printed to terminals
        said = "".join(c if c.isprintable() else " " for c in str(message))
        super().__init__(said if len(said) <= _LONGEST else f"{said[:_LONGEST]} …")


class UnknownName(DiffOptError):
    """A name that no plugin, recipe or option has; the message suggests the nearest known one."""

    def __init__(self, what: str, name: str, known: Iterable[str]):
        known, name = sorted(map(str, known)), str(name)[:200]
        super().__init__(f"unknown {what} '{name}'.{nearest(name, known)} Known: {', '.join(known) or 'none'}")


def nearest(name: str, known: Iterable[str]) -> str:
    """A question for the known name that is most like ``name``, to be added to a message; empty if none is like it."""
    near = max(sorted(known), key=lambda each: _likeness(name, each), default="")
    return f" Did you mean '{near}'?" if near and _likeness(name, near) >= 0.5 else ""


def _likeness(a: str, b: str) -> float:
    """Ratio of equal letters; names that begin alike are more like (after Winkler)."""
    a, b = a.lower(), b.lower()
    ratio = difflib.SequenceMatcher(None, a, b).ratio()
    begin = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))
    return ratio + 0.1 * min(begin, 5) * (1 - ratio)


class BadInput(DiffOptError):
    """A file that cannot be used: the message names the file, the key, what was found and what was expected."""

    def __init__(self, path: object, key: str, problem: str):
        self.path, self.key, self.problem = path, key, problem
        super().__init__(f"{path}: {key}: {problem}")


class MissingResource(DiffOptError):
    """Missing weights, licensed file, package or device: the message says what, where to get it and where to put it."""


@contextmanager
def reading(path: object, key: str = "file", end: str = "") -> Iterator[None]:
    """Guard for reading a file from outside: any exception inside the block becomes a BadInput.

    A DiffOptError raised by the reader, and a bug in the reader's code, pass through; any other exception becomes one
    line that names the file. ``end``: text appended to that line. The cause is kept for ``--debug``.
    """
    try:
        if _waits(path):
            raise BadInput(path, key, "is a pipe, a socket or a device, no file")
        yield
    except (DiffOptError, ImportError):
        raise  # a missing package is not an error in the file
    except FileNotFoundError as error:
        raise BadInput(error.filename or path, "file", f"does not exist{end}") from error
    except Exception as error:  # a damaged file can raise almost anything
        if _slip(error):
            raise
        said = " ".join(str(error).split())[:300]
        name = "" if said and isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise BadInput(path, key, f"cannot be read ({(name + said).removesuffix(': ')}){end}") from error


def _waits(path: object) -> bool:
    """Whether reading it may never end."""
    try:
        mode = os.stat(path).st_mode if isinstance(path, str | os.PathLike) else 0
    except (OSError, ValueError):
        return False
    return bool(mode) and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _slip(error: Exception) -> bool:
    """Whether no file can be at fault: a name that is not there, an attribute that a module or a type of ours lacks, a
    call that does not fit its function."""
    if isinstance(error, AttributeError):
        held = error.obj if isinstance(error.obj, type) else type(error.obj)
        stands_in = held.__module__.startswith("diffopt_core.common.unpickle")  # for what the file holds
        return held is ModuleType or (held.__module__.startswith("diffopt") and not stands_in)
    return isinstance(error, NameError) or (isinstance(error, TypeError) and bool(_CALL.search(str(error))))
