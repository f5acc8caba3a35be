"""Files that other people's libraries write, one or several at once: whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from diffopt_core.common.npz import atomic
from diffopt_core.common.progress import track
from diffopt_core.errors import DiffOptError
from diffopt_core.interfaces import Exporter
from diffopt_core.types import Result


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


def write_together(result: Result, exporters: Mapping[str, Exporter], folder: Path) -> dict[str, list[Path]]:
    """Export into a folder beside ``folder``, then move the files in. Raises DiffOptError if it is unusable."""
    new = not folder.exists()
    try:
        if folder.exists() and not folder.is_dir():
            raise DiffOptError(f"{folder}: is a file; exports need a folder (--out)")
        folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".exports.", dir=folder))
    except OSError as error:
        raise DiffOptError(f"{folder}: cannot be written ({error.strerror}); choose another with --out") from error
    try:
        drafts: dict[str, list[Path]] = {}
        with track("export", len(exporters)) as update:
            for done, (name, exporter) in enumerate(exporters.items(), 1):
                drafts[name] = exporter.export(result, draft)
                update(done)
        for files in drafts.values():
            for file in files:
                os.replace(file, folder / file.name)
        return {name: [folder / file.name for file in files] for name, files in drafts.items()}
    except OSError as error:
        raise DiffOptError(f"{folder}: cannot be written ({error.strerror}); choose another with --out") from error
    except DiffOptError as error:  # an exporter that knows the draft alone
        raise DiffOptError(str(error).replace(str(draft), str(folder))) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if new and not any(folder.iterdir()):
            folder.rmdir()
