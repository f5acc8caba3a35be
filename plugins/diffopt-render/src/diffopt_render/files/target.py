"""What ``--out`` means, decided before anything is drawn; one PNG, or a folder of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from diffopt_core.common.npz import atomic
from diffopt_core.errors import DiffOptError


def write_png(image: np.ndarray, path: Path) -> dict[str, Any]:
    """Raises DiffOptError where it cannot be written."""
    from PIL import Image

    with atomic(path) as file:
        Image.fromarray(image).save(file, format="png", optimize=True)
    return {"file": str(path), "frames": 1, "size": [image.shape[1], image.shape[0]]}


def write_folder(images: Iterator[np.ndarray], folder: Path, fps: float) -> dict[str, Any]:
    """``frame_000000.png`` and on, in a folder that appears whole. One that is there already must be empty."""
    from PIL import Image

    check_folder(folder)
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    count, size = 0, (0, 0)
    try:
        part.mkdir(parents=True)
        for image in images:
            Image.fromarray(image).save(part / f"frame_{count:06d}.png")
            count, size = count + 1, (image.shape[1], image.shape[0])
        os.replace(part, folder)
    except OSError as error:
        raise DiffOptError(f"{folder.parent}: cannot write {folder.name}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return {"file": str(folder), "frames": count, "fps": fps, "size": list(size)}


def check_folder(folder: Path) -> None:
    """Raises DiffOptError for one that holds something: frames of two renderings would be one film."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DiffOptError(f"{folder}: is there already and not an empty folder; give another --out, or remove it")


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
