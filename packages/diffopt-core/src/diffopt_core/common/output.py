"""Output of commands: text for the user, one JSON document for scripts (``--json``), only errors (``--quiet``).

Every command of ``diffopt`` has these flags without declaring them, those of plugins too. It prints text with ``say``,
gives its data with ``answer``, and asks ``quiet()`` before it shows anything else, such as a bar::

    from diffopt_core.common.output import answer, say

    answer({"files": files})          # the document of --json; without the flag, nothing
    say(f"wrote {len(files)} files")  # nothing under --json and --quiet
"""

from __future__ import annotations

import json
import logging
import math
import sys
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from numbers import Integral, Real
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterator


#: Begins a warning that is advice to the user, not a fact of one clip.
HINT = "hint: "
#: ``extra`` of a warning about what happens now (an environment is built): told, and not kept with a result.
PASSING = {"passing": True}


class _Keeper(logging.Handler):
    def __init__(self, into: list[str]):
        super().__init__(logging.WARNING)
        self._into = into

    def emit(self, record: logging.LogRecord) -> None:
        if (message := record.getMessage()) not in self._into and not is_passing(record):
            self._into.append(message)


def is_passing(record: logging.LogRecord) -> bool:
    return bool(getattr(record, "passing", False))


@contextmanager
def heard(into: list[str]) -> Iterator[list[str]]:
    """Collect the warnings that any logger emits within the block in ``into``, without duplicates."""
    root, keeper = logging.getLogger(), _Keeper(into)
    root.addHandler(keeper)
    try:
        yield into
    finally:
        root.removeHandler(keeper)


@runtime_checkable
class Out(Protocol):
    """Standard output, or whatever replaces it."""

    def write(self, text: str, /) -> int: ...

    def flush(self) -> None: ...


@dataclass
class Voice:
    """Output state of the running command."""

    json: bool = False
    quiet: bool = False
    clip: str = ""
    document: Any = None
    stdout: Out | None = None
    delivered: bool = False


_voice = Voice()


def quiet() -> bool:
    """Whether only errors are to be shown."""
    return _voice.quiet


@contextmanager
def about(clip: str) -> Iterator[None]:
    """Notices of this block are of one of several clips, or people, and name it."""
    was, _voice.clip = _voice.clip, clip
    try:
        yield
    finally:
        _voice.clip = was


def of_its_clip(message: str) -> str:
    """A notice with the name of its clip. A message that begins with the clip's file names the shot in its place."""
    clip = _voice.clip
    where, colon, rest = message.partition(": ")
    if not clip or message.startswith(HINT) or (colon and PurePath(where).stem == clip):
        return message
    of_shot = colon and PurePath(where).suffix and clip.startswith(f"{PurePath(where).stem}_shot")
    return f"{clip}: {rest if of_shot else message}"


def speaks() -> bool:
    """Whether text goes to standard output."""
    return not (_voice.quiet or _voice.json)


def wants_json() -> bool:
    """Whether ``--json`` was given; if not, a command can skip building the document."""
    return _voice.json


def say(text: str) -> None:
    """Text on standard output."""
    if speaks():
        print(text)


def answer(document: Any) -> None:
    """Set the document that ``--json`` prints when the command ends. A second call is merged into the first, key by
    key.

    Tuples and sets become lists, paths and enums text, numpy numbers plain numbers; nan and infinity, which JSON does
    not have, become null.
    """
    if not _voice.json:
        return
    told = plain(document)
    both = isinstance(told, dict) and isinstance(_voice.document, dict)
    _voice.document = {**_voice.document, **told} if both else told


def deliver() -> None:
    """Write the document of ``--json`` now, for a command that keeps running after its answer, such as a server."""
    if _voice.json and _voice.stdout is not None and not _voice.delivered:
        _write(_voice.stdout, _voice.document)
        _voice.delivered = True


def plain(value: Any) -> Any:
    """``value`` as JSON data."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | Set):
        return [plain(item) for item in value]
    return str(value)


def listen(*, as_json: bool = False, quiet: bool = False) -> None:
    """Apply the flags of the running command. With ``--json`` everything that is printed goes to standard error."""
    _voice.quiet |= quiet
    if as_json and not _voice.json:
        _voice.json = True
        sys.stdout = sys.stderr


@contextmanager
def speaking(quiet: bool = False) -> Iterator[Out]:
    """Scope of one command's output; state is reset before and after. Yields the original standard output."""
    was, stdout = vars(_voice).copy(), sys.stdout
    vars(_voice).update(vars(Voice(quiet=quiet, stdout=stdout)))
    try:
        yield stdout
    finally:
        sys.stdout = stdout
        vars(_voice).update(was)


def finish(stdout: Out, status: int, error: str | None) -> None:
    """Write the document in one piece. After an error without a document, it holds the line of the error and the
    status."""
    if not _voice.json or _voice.delivered:
        return
    document = _voice.document
    if error is not None:
        document = {"error": error, "status": status}
    elif document is None:
        document = {"status": status}
    _write(stdout, document)


def _write(stdout: Out, document: Any) -> None:
    stdout.write(json.dumps(document, indent=1, allow_nan=False) + "\n")
    stdout.flush()
