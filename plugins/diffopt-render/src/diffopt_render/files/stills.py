"""One PNG, or a folder of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.datasets.npz import atomic
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
