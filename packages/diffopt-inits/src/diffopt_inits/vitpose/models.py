"""Location of a hub model: a folder, the weights folder, or the hub's cache."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from diffopt_core.host.registry import Registry
from diffopt_core.perception.weights import find, remedy

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Model:
    """``source``: argument of ``from_pretrained``. ``how``: what to do if it is missing."""

    source: str
    how: str


def resolve(name: str, download: bool, option: str) -> Model:
    """Resolve a local folder, a name from `diffopt weights list` (the folder if it was downloaded, else its hub id), or
    a hub id. If a download is allowed, licence and size are logged. Raises BadInput for damaged weights."""
    if Path(name).expanduser().is_dir():
        folder = Path(name).expanduser().resolve()
        return Model(str(folder), f"{folder} has no transformers model for this task (config.json, weights)")
    rows = Registry.load().weights
    file = rows.get(name) or next((row for row in rows.values() if row.hub == name), None)
    if file is not None and file.hub and (found := find(file)) is not None:
        return Model(str(found.path), f"{found.path} is incomplete; remove it and {remedy(file)}")
    hub = file.hub if file is not None and file.hub else name
    if download:
        known = (
            f"{file.licence}, {(file.size or 0) / 1e6:.0f} MB"
            if file is not None
            else "for licence and size see its page"
        )
        _log.warning("%s: downloaded from https://huggingface.co/%s unless it is in the cache (%s)", name, hub, known)
    how = remedy(file) if file is not None else f"name a local folder with --set detector.{option}=FOLDER"
    return Model(hub, f"{how}; or allow transformers to download it: --set detector.download=true")
