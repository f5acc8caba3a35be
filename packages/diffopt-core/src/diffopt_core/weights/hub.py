"""Models of the Hugging Face hub, through ``huggingface_hub`` where it is installed."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..errors import DiffOptError, MissingResource
from ..plugin import WeightFile
from .store import HUB_WEIGHTS, place_of

#: What transformers reads; a hub repository may hold the same weights in other formats besides.
_FILES = ("*.json", HUB_WEIGHTS)
_BY_HAND = f"config.json, preprocessor_config.json, {HUB_WEIGHTS}"


def snapshot(file: WeightFile, part: Path) -> None:
    """Download one revision into the folder ``part``."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingResource(
            f"weights '{file.name}' lie on the Hugging Face hub, and the package huggingface_hub is not installed: "
            f"pip install huggingface_hub, or fetch {_BY_HAND} "
            f"from https://huggingface.co/{file.hub} into {place_of(file)}"
        ) from error
    try:
        snapshot_download(file.hub, revision=file.revision, local_dir=part, allow_patterns=list(_FILES))
    except Exception as error:  # the package's errors, and those of whichever client it uses
        what = (str(error) or type(error).__name__).splitlines()[0]
        raise DiffOptError(
            f"weights '{file.name}' cannot be fetched from https://huggingface.co/{file.hub} ({what}); "
            "without a network, copy the folder: --from FOLDER"
        ) from error
    shutil.rmtree(part / ".cache", ignore_errors=True)  # its own bookkeeping
