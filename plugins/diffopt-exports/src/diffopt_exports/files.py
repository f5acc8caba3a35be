"""Files that other people's libraries write, whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from diffopt_core.datasets.npz import atomic
from diffopt_core.errors import DiffOptError


@contextmanager
def drafted(path: Path) -> Iterator[Path]:
    """A path beside ``path``, of the same suffix, that takes its name once the block has ended well.

    For libraries that want a path and not an open file. Raises DiffOptError naming a folder that cannot be written.
    """
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, path)
    except OSError as error:
        raise DiffOptError(f"{path.parent}: cannot write {path.name}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_beside(path: Path, words: Mapping[str, Any]) -> Path:
    """``motion.bvh.json`` beside ``motion.bvh``: what the format itself has no place for. Returns its path."""
    beside = path.with_name(f"{path.name}.json")
    text = json.dumps({"file": path.name, **words}, indent=1, allow_nan=False)
    with atomic(beside) as file:
        file.write(text.encode() + b"\n")
    return beside
