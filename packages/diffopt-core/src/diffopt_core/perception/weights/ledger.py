"""``sha256.json`` beside the weights: the digest of each file when it was first used, and what it looked like then.

It serves two ends. A file whose makers publish no checksum is pinned at its first use, so that a later change of it is
noticed. And a file of gigabytes is read once: while size and time stamp stay, its digest is known.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Any

from ...common.documents import read_json
from ...errors import BadInput

NAME = "sha256.json"
_log = logging.getLogger(__name__)


def digest(path: Path) -> str:
    """sha256 of a file, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """File name -> ``sha256``, ``size``, ``mtime_ns``; entries that are not such are left out."""
    try:
        table = read_json(folder / NAME)
    except BadInput:
        return {}
    entries = table.items() if isinstance(table, dict) else ()
    return {k: v for k, v in entries if isinstance(v, dict) and isinstance(v.get("sha256"), str)}


def remembered(folder: Path, name: str, path: Path) -> str | None:
    """The digest of ``path`` if it was computed before and the file has not been touched since."""
    entry, stat = read(folder).get(name, {}), path.stat()
    same = entry.get("size") == stat.st_size and entry.get("mtime_ns") == stat.st_mtime_ns
    return str(entry["sha256"]) if same else None


def pinned(folder: Path, name: str) -> str | None:
    """The digest that the file had when it was first used."""
    entry = read(folder).get(name)
    return str(entry["sha256"]) if entry else None


def pin(folder: Path, name: str, path: Path, sha256: str) -> bool:
    """Write an entry; False where the folder cannot be written (an offline folder on a read-only disk)."""
    stat = path.stat()
    table = read(folder) | {name: {"sha256": sha256, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}}
    part = folder / f".{NAME}.{os.getpid()}.part"
    try:
        part.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
        os.replace(part, folder / NAME)
    except OSError as error:
        _log.debug("%s: not written (%s)", folder / NAME, error)
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        return False
    return True
