"""What ``--out`` means, decided before anything is drawn."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from diffopt_core.errors import DiffOptError

from .stills import check_folder

Form = Literal["mp4", "gif", "png", "folder"]
_SUFFIXES: dict[str, Form] = {".mp4": "mp4", ".gif": "gif", ".png": "png", "": "folder"}


@dataclass(frozen=True)
class Target:
    """``path`` and what is written there."""

    path: Path
    form: Form

    @staticmethod
    def of(path: Path) -> Target:
        """Raises DiffOptError for an unknown suffix, and for a place that nobody may write to."""
        suffix = "" if path.is_dir() else path.suffix.lower()
        if suffix not in _SUFFIXES:
            raise DiffOptError(
                f"--out {path}: '{path.suffix}' is not written; expected .mp4, .gif, .png, or a folder (no suffix)"
            )
        target = Target(path, _SUFFIXES[suffix])
        if target.form == "folder":
            check_folder(path)
        _check_place(path)
        return target


def _check_place(path: Path) -> None:
    """The nearest folder that exists must take files."""
    place = path.absolute().parent
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise DiffOptError(f"--out {path}: {place} is a file, not a folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise DiffOptError(f"--out {path}: the folder {place} cannot be written to")
