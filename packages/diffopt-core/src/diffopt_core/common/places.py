"""Folders of this machine for files that are not shipped: downloaded weights, and the cache."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path, user_data_path

#: Environment variables that set these folders.
CACHE_VARIABLE = "DIFFOPT_CACHE"
WEIGHTS_VARIABLE = "DIFFOPT_WEIGHTS"


def cache_folder() -> Path:
    """Folder for what can be recomputed (environments, perceived clips); safe to delete. Not created here."""
    return _folder(CACHE_VARIABLE, user_cache_path("diffopt", appauthor=False))


def weights_folder() -> Path:
    """Folder for weights that the user downloaded or put there. Not created here."""
    return _folder(WEIGHTS_VARIABLE, user_data_path("diffopt", appauthor=False) / "weights")


def _folder(variable: str, otherwise: Path) -> Path:
    value = os.environ.get(variable)
    return Path(value).expanduser() if value else otherwise
