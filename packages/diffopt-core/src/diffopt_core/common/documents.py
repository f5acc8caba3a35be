"""Files whole or not at all; JSON and TOML of whomsoever, in any encoding of Unicode, one line where that fails."""

from __future__ import annotations

import glob
import json
import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from ..errors import DiffOptError, reading


def read_json(path: Path, end: str = "") -> Any:
    """Raises BadInput for a file that is not there, or no JSON. ``end``: the end of its line."""
    with reading(path, "JSON", end):
        return json.loads(path.read_bytes())


def read_toml(path: Path) -> dict[str, Any]:
    """Raises BadInput for a file that is not there, or no TOML."""
    with reading(path, "TOML"):
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))


def write_json(path: Path, content: Any) -> None:
    """Written whole or not at all. Raises DiffOptError naming a folder that cannot be written."""
    with atomic(path) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())


@contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """A binary file that appears under its name only when it is whole; DiffOptError names an unusable folder."""
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
        with suppress(OSError):  # a folder that cannot be used has raised its own error already
            part.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Parts of ``path`` that killed processes left."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        process = left.name.removesuffix(".part").rpartition(".")[2]
        with suppress(OSError, ValueError):
            try:
                os.kill(int(process), 0)
            except ProcessLookupError:
                left.unlink()
