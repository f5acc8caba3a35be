"""Where a model of the hub lies: a folder, the folder of weights, or the hub's own cache."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from diffopt_core.host.registry import Registry
from diffopt_core.perception.weights import find, remedy

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Model:
    """``source``: what ``from_pretrained`` takes. ``how``: what to do where it is not there."""

    source: str
    how: str


def resolve(name: str, download: bool, option: str) -> Model:
    """A local folder, a name of `diffopt weights list` (as a folder if it was fetched, by its hub id if not), or a hub
    id. What may be fetched now is said with its licence and size. Raises BadInput for damaged weights."""
    if Path(name).expanduser().is_dir():
        folder = Path(name).expanduser().resolve()
        return Model(str(folder), f"{folder} holds no model of transformers for this task (config.json, weights)")
    rows = Registry.load().weights
    file = rows.get(name) or next((row for row in rows.values() if row.hub == name), None)
    if file is not None and file.hub and (found := find(file)) is not None:
        return Model(str(found.path), f"{found.path} is not complete; remove it and {remedy(file)}")
    hub = file.hub if file is not None and file.hub else name
    if download:
        known = (
            f"{file.licence}, {(file.size or 0) / 1e6:.0f} MB" if file is not None else "licence and size: see there"
        )
        _log.warning("%s: fetched from https://huggingface.co/%s where it is not in the cache (%s)", name, hub, known)
    how = remedy(file) if file is not None else f"name a local folder with --set detector.{option}=FOLDER"
    return Model(hub, f"{how}; or allow transformers to fetch it: --set detector.download=true")
