"""Atomic writing of files; reading JSON and TOML in any Unicode encoding, with one-line errors.

A resolved recipe is written as TOML that ``tomllib`` reads back; None has no TOML and is left out.
"""

from __future__ import annotations

import glob
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path, PurePath
from typing import IO, Any

from ..errors import BadInput, DiffOptError, reading

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")
_DEEP = re.compile(r"""(?<![\w"'-])(?:[\w"'-]++[ \t]*+\.[ \t]*+){100}""")


def dumps(table: Mapping[str, Any]) -> str:
    """Keys with plain values first, then each table under its header."""
    return "\n".join(_table(table, ())).strip() + "\n"


def literal(value: Any) -> str:
    """One value on one line."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str | PurePath):
        return _quoted(str(value))
    if isinstance(value, list | tuple | set | frozenset):
        return "[" + ", ".join(literal(item) for item in value if item is not None) + "]"
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(k)} = {literal(v)}" for k, v in value.items() if v is not None)
        return f"{{ {pairs} }}" if pairs else "{}"
    raise TypeError(f"no TOML for {type(value).__name__}")


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    plain = {k: v for k, v in table.items() if v is not None and not (isinstance(v, Mapping) and _wants_header(v))}
    nested = {k: v for k, v in table.items() if isinstance(v, Mapping) and _wants_header(v)}
    lines = [f"{_key(key)} = {literal(value)}" for key, value in plain.items()]
    if path and (lines or not nested):
        lines = [f"[{'.'.join(_key(part) for part in path)}]", *lines, ""]
    elif lines:
        lines.append("")
    for key, value in nested.items():
        lines += _table(value, (*path, key))
    return lines


def _wants_header(value: Mapping[str, Any]) -> bool:
    """Whether a table gets its own header; small tables of plain values stay inline."""
    flat = not any(isinstance(item, Mapping) and item for item in value.values())
    return not (flat and len(literal(value)) < 90)


def _key(key: str) -> str:
    return key if _BARE.match(key) else _quoted(key)


def _quoted(text: str) -> str:
    """A TOML string: JSON's escapes, and DEL, which JSON does not escape."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def read_json(path: Path, end: str = "") -> Any:
    """Read JSON. Raises BadInput if the file is missing or not JSON. ``end``: text appended to the error."""
    with reading(path, "JSON", end):
        return json.loads(path.read_bytes())


def is_run_file(path: Path) -> bool:
    """Whether a JSON file is the run file of a result (landmark files are JSON too)."""
    try:
        return "diffopt_run" in read_json(path)
    except (DiffOptError, TypeError):
        return False


def read_toml(path: Path) -> dict[str, Any]:
    """Read TOML. Raises BadInput if the file is missing or not TOML."""
    with reading(path, "TOML"):
        text = path.read_bytes().decode("utf-8-sig")
        if _DEEP.search(text):  # parsed in the square of its parts
            raise BadInput(path, "TOML", "a key of a hundred parts")
        return tomllib.loads(text)


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically. Raises DiffOptError naming the folder if it cannot be written."""
    with atomic(path) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())


@contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """Open a binary file that appears under its name only when it is complete. Raises DiffOptError naming the folder if
    it cannot be written."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        with open(part, "wb") as file:
            yield file
        os.replace(part, path)
    except OSError as error:
        raise DiffOptError(f"{path.parent}: cannot write {path.name}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # an unusable folder has already raised its own error
            part.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Remove partial files of ``path`` that killed processes left."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        process = left.name.removesuffix(".part").rpartition(".")[2]
        with suppress(OSError, ValueError):
            try:
                os.kill(int(process), 0)
            except ProcessLookupError:
                left.unlink()
