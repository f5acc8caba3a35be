"""What a written result is compared with: the truth of its clip, read again from the input that the run names."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import DiffOptError
from ..perceive import is_there, open_clip
from ..recipe import parse
from ..registry import Registry
from ..types import Truth

log = logging.getLogger(__name__)


def truth_of(folder: Path, run: Mapping[str, Any], frames: int) -> Truth | None:
    """The truth behind the result in ``folder``, of whose ``run.json`` this is the content; None where its clip had
    none, or where the input is gone or has changed, which a notice tells.

    Only installed plugins are asked: a file that run.json names as a plugin is not run for the sake of looking.
    """
    if not run.get("metrics"):  # a clip with truth is scored
        return None
    name, where = run.get("clip"), str(folder)
    try:
        ctx = Registry.load().context()
        recipe = parse(run["recipe"], f"{folder / 'run.json'}")
        inputs = [_find(Path(path), folder) for path in run.get("inputs", ())]
        for path in sorted(inputs, key=lambda path: path.stem != name):  # the likely one of a batch first
            if not is_there(path):
                continue
            clip = open_clip(path, recipe, ctx)
            if clip.name != name:
                continue
            if clip.sha256 != run.get("sha256"):
                log.warning("%s: %s has changed since this run, so its truth is left out", where, path)
                return None
            if clip.truth is None or clip.num_frames != frames:
                log.warning("%s: %s no longer has the truth that this run was scored against", where, path)
                return None
            return clip.truth
    except (DiffOptError, KeyError, OSError, ValueError) as error:
        log.warning("%s: the truth cannot be read again and is left out (%s)", where, error)
        return None
    log.warning("%s: the file behind clip '%s' is gone, so its truth is left out", where, name)
    return None


def _find(path: Path, folder: Path) -> Path:
    """An input as it was named then, or the file of that name in the result folder (the demonstration's lies there)."""
    beside = folder / path.name
    return beside if beside.exists() and not path.exists() else path
