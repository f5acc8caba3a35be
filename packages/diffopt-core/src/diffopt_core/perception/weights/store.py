"""The folder of weights: where a file belongs, whether the one that lies there is the right one, and what it was at its
first use (``sha256.json``).

A file whose makers publish no checksum is pinned at its first use, so that a later change of it is noticed. And a file
of gigabytes is read once: while size and time stamp stay, its digest is known.
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
    """File name -> ``sha256``, ``size``, ``mtime_ns``; entries that are not such are left out."""
    try:
        table = read_json(folder / LEDGER)
    except BadInput:
        return {}
    entries = table.items() if isinstance(table, dict) else ()
    return {k: v for k, v in entries if isinstance(v, dict) and isinstance(v.get("sha256"), str)}


def remembered(folder: Path, name: str, path: Path) -> str | None:
    """The digest of ``path`` if it was computed before and the file has not been touched since."""
    entry, stat = _entries(folder).get(name, {}), path.stat()
    same = entry.get("size") == stat.st_size and entry.get("mtime_ns") == stat.st_mtime_ns
    return str(entry["sha256"]) if same else None


def pinned(folder: Path, name: str) -> str | None:
    """The digest that the file had when it was first used."""
    entry = _entries(folder).get(name)
    return str(entry["sha256"]) if entry else None


def pin(folder: Path, name: str, path: Path, sha256: str) -> bool:
    """Write an entry; False where the folder cannot be written (an offline folder on a read-only disk)."""
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


#: The file of a hub model that its checksum speaks of.
HUB_WEIGHTS = "model.safetensors"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """A file of weights that lies in its place, with its digest. ``published``: its makers vouch for the digest;
    otherwise it is the one of the first use (``pinned`` False: that could not be written down)."""

    path: Path
    sha256: str
    published: bool
    pinned: bool = True


def place_of(file: WeightFile) -> Path:
    """Where the file belongs, whether or not it is there."""
    return weights_folder() / file.filename


def hashed_file(file: WeightFile, path: Path) -> Path:
    """The file that the checksum speaks of: ``path`` itself, or the weights inside a hub model's folder."""
    return path / HUB_WEIGHTS if file.hub else path


def remedy(file: WeightFile) -> str:
    """What to do where it is missing, in one sentence."""
    if file.registration:
        return f"sign up at {file.registration} ({file.licence}) and put the file at {place_of(file)}"
    return f"fetch it with `diffopt weights get {file.name}` ({file.licence}), or put it at {place_of(file)}"


def find(file: WeightFile) -> Found | None:
    """The file in its place, checked; None where there is none.

    A file without a published checksum is pinned now if it was not before. Raises BadInput if it is not the file that
    was published, or not the one that was pinned.
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
        _log.warning("%s: no checksum is published; pinned as it is now, sha256 %s", path, sha256)
    return Found(path, sha256, file.sha256 is not None, written)


def check(file: WeightFile, path: Path, sha256: str, pinned: str | None) -> None:
    """Raise BadInput where ``sha256`` is not the published digest, or not the pinned one where none is published."""
    wanted, who = (file.sha256, "the published one") if file.sha256 else (pinned, "that of its first use")
    if wanted is not None and sha256 != wanted.lower():
        problem = f"is {sha256}, {who} is {wanted}; this is another file, or a damaged one. Remove it; {remedy(file)}"
        raise BadInput(path, "sha256", problem)


def locate(what: str | WeightFile) -> Path:
    """Checked path of a file of weights, for components. Nothing is fetched.

    ``what``: its name in ``diffopt weights list``, or its row. Raises MissingResource with what to do, BadInput for a
    file that is not the right one, UnknownName.
    """
    file = Registry.load().weight_file(what) if isinstance(what, str) else what
    found = find(file)
    if found is None:
        raise MissingResource(
            f"weights '{file.name}' ({file.summary}) are not in {weights_folder()}: {remedy(file)}; "
            f"{WEIGHTS_VARIABLE} names another folder"
        )
    return found.path
