"""A whole sequence as it lies on disk; its parts are cut from it. The last one is kept, for the next part."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from diffopt_core.types import Truth, Video

from .images import FOLDER, digest, find_images
from .read import Sequence, read_sequence
from .smpl import smpl_folder
from .truth import truth_of


@dataclass(frozen=True)
class Whole:
    """``sha256``: of the pickle's bytes and of the images' names and lengths."""

    sequence: Sequence
    video: Video | None
    truth: Truth | None
    sha256: str


def read_whole(file: Path, smpl: Path | None, truth: bool) -> Whole:
    """Pickle, images and, if wanted, truth. Raises as its parts do."""
    images = file.parent / FOLDER
    stamps = tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in (file, images))
    return _read(file.absolute(), smpl_folder(smpl) if truth else None, stamps)


@lru_cache(maxsize=1)
def _read(file: Path, smpl: Path | None, stamps: tuple[int, ...]) -> Whole:
    """``smpl`` None: no truth. ``stamps`` only tell two states of the files apart."""
    made = read_sequence(file)
    video = find_images(file, len(made), made.size)
    true = None if smpl is None else truth_of(made, smpl)
    return Whole(made, video, true, hashlib.sha256(file.read_bytes() + digest(video)).hexdigest())
