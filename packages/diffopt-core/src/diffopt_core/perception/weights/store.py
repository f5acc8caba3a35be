"""The weights folder: paths, checksums, and the checksums of first use (``sha256.json``).

A file without a published checksum is pinned at its first use, so that a later change is noticed. Digests are cached by
size and time stamp, so that large files are read once.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...common.documents import read_json
from ...common.places import WEIGHTS_VARIABLE, weights_folder
from ...errors import BadInput, MissingResource
from ...host.registry import Registry
from ...plugin import WeightFile

LEDGER = "sha256.json"
_log = logging.getLogger(__name__)


def digest(path: Path) -> str:
    """sha256 of a file, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _entries(folder: Path) -> dict[str, dict[str, Any]]:
    """File name -> ``sha256``, ``size``, ``mtime_ns``; malformed entries are left out."""
    try:
        table = read_json(folder / LEDGER)
    except BadInput:
        return {}
    entries = table.items() if isinstance(table, dict) else ()
    return {k: v for k, v in entries if isinstance(v, dict) and isinstance(v.get("sha256"), str)}


def remembered(folder: Path, name: str, path: Path) -> str | None:
    """The cached digest of ``path``, if the file has not changed since."""
    entry, stat = _entries(folder).get(name, {}), path.stat()
    same = entry.get("size") == stat.st_size and entry.get("mtime_ns") == stat.st_mtime_ns
    return str(entry["sha256"]) if same else None


def pinned(folder: Path, name: str) -> str | None:
    """The digest of the file at its first use."""
    entry = _entries(folder).get(name)
    return str(entry["sha256"]) if entry else None


def pin(folder: Path, name: str, path: Path, sha256: str) -> bool:
    """Write an entry; False if the folder cannot be written (for example on a read-only disk)."""
    stat = path.stat()
    table = _entries(folder) | {name: {"sha256": sha256, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}}
    part = folder / f".{LEDGER}.{os.getpid()}.part"
    try:
        part.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
        os.replace(part, folder / LEDGER)
    except OSError as error:
        _log.debug("%s: not written (%s)", folder / LEDGER, error)
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        return False
    return True


#: The file of a hub model that its checksum refers to.
HUB_WEIGHTS = "model.safetensors"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """An installed weight file with its digest. ``published``: the digest equals the published one; otherwise it is
    that of the first use (``pinned`` False: it could not be stored)."""

    path: Path
    sha256: str
    published: bool
    pinned: bool = True


def place_of(file: WeightFile) -> Path:
    """Path of the file in the weights folder; it need not exist."""
    return weights_folder() / file.filename


def hashed_file(file: WeightFile, path: Path) -> Path:
    """The file that the checksum refers to: ``path`` itself, or the weights inside a hub model's folder."""
    return path / HUB_WEIGHTS if file.hub else path


def remedy(file: WeightFile) -> str:
    """How to get the file, in one sentence."""
    if file.registration:
        return f"sign up at {file.registration} ({file.licence}) and put the file at {place_of(file)}"
    return f"fetch it with `diffopt weights get {file.name}` ({file.licence}), or put it at {place_of(file)}"


def find(file: WeightFile) -> Found | None:
    """The installed file, checked; None if it does not exist.

    A file without a published checksum is pinned if it was not before. Raises BadInput if the digest is not the
    published one, or not the pinned one.
    """
    folder, path = weights_folder(), place_of(file)
    weights = hashed_file(file, path)
    if not weights.is_file():
        return None
    sha256 = remembered(folder, file.filename, weights)
    known = sha256 is not None
    sha256 = sha256 or digest(weights)
    before = pinned(folder, file.filename)
    check(file, weights, sha256, before)
    written = known or pin(folder, file.filename, weights, sha256)
    if before is None and not file.sha256 and written:
        _log.warning("%s: no checksum is published; pinning this one: sha256 %s", path, sha256)
    return Found(path, sha256, file.sha256 is not None, written)


def check(file: WeightFile, path: Path, sha256: str, pinned: str | None) -> None:
    """Raise BadInput unless ``sha256`` is the published digest, or, if none is published, the pinned one."""
    wanted, who = (file.sha256, "the published one") if file.sha256 else (pinned, "that of its first use")
    if wanted is not None and sha256 != wanted.lower():
        problem = (
            f"is {sha256}, expected {wanted} ({who}); the file is another one or damaged. Remove it; {remedy(file)}"
        )
        raise BadInput(path, "sha256", problem)


def locate(what: str | WeightFile) -> Path:
    """Checked path of a weight file, for components. Nothing is downloaded.

    ``what``: its name in ``diffopt weights list``, or its row. Raises MissingResource with the remedy, BadInput for a
    file with another checksum, UnknownName.
    """
    file = Registry.load().weight_file(what) if isinstance(what, str) else what
    found = find(file)
    if found is None:
        raise MissingResource(
            f"weights '{file.name}' ({file.summary}) are not in {weights_folder()}: {remedy(file)}; "
            f"{WEIGHTS_VARIABLE} sets another folder"
        )
    return found.path
