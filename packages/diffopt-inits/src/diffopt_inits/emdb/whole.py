"""A whole sequence: its pickle, images (``images/00000.jpg`` and on, one per frame) and truth, cached."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from diffopt_core.errors import BadInput
from diffopt_core.perception.video import IMAGE_SUFFIXES, probe
from diffopt_core.types import Truth, Video

from .read import Sequence, read_sequence, smpl_folder, truth_of

log = logging.getLogger(__name__)
FOLDER = "images"


def find_images(file: Path, frames: int, size: tuple[int, int]) -> Video | None:
    """The images of the sequence of the pickle ``file``; None, with a warning, if there is no folder of images.

    Raises BadInput if images are missing, or are not of the calibrated camera's size.
    """
    folder = file.parent / FOLDER
    if not folder.is_dir():
        log.warning("%s: there is no folder '%s' beside it; the clip has no video", file, FOLDER)
        return None
    numbers = {int(path.stem) for path in _images(folder) if path.stem.isdecimal()}
    if missing := sorted(set(range(frames)) - numbers):
        problem = (
            f"{len(missing)} of {frames} are missing, the first is "
            f"{missing[0]:05d}.jpg; is the archive completely unpacked?"
        )
        raise BadInput(folder, FOLDER, problem)
    if len(numbers) != len(_images(folder)):
        raise BadInput(folder, FOLDER, "has images that are not named 00000.jpg and on, or duplicate numbers")
    if len(numbers) > frames:
        log.warning("%s: %d images for %d frames; the last images are not used", folder, len(numbers), frames)
    found = probe(folder).size
    if found != size:
        problem = f"{found[0]} x {found[1]} px, but the camera of {file.name} is calibrated for {size[0]} x {size[1]}"
        raise BadInput(folder, FOLDER, problem)
    return Video(folder, tuple(range(frames)), size)


def digest(video: Video | None) -> bytes:
    """A fingerprint of the images by name and length, because reading their content (a gigabyte) would be slow."""
    if video is None:
        return b""
    lines = sorted(f"{path.name} {path.stat().st_size}" for path in _images(video.path))
    return hashlib.sha256("\n".join(lines).encode()).digest()


def _images(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES]


@dataclass(frozen=True)
class Whole:
    """``sha256``: of the pickle's bytes and of the images' names and lengths."""

    sequence: Sequence
    video: Video | None
    truth: Truth | None
    sha256: str


def read_whole(file: Path, smpl: Path | None, truth: bool) -> Whole:
    """Read pickle, images and, if requested, truth. Raises like its parts."""
    images = file.parent / FOLDER
    stamps = tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in (file, images))
    return _read(file.absolute(), smpl_folder(smpl) if truth else None, stamps)


@lru_cache(maxsize=1)
def _read(file: Path, smpl: Path | None, stamps: tuple[int, ...]) -> Whole:
    """``smpl`` None: no truth. ``stamps``: modification times, for the cache."""
    made = read_sequence(file)
    video = find_images(file, len(made), made.size)
    true = None if smpl is None else truth_of(made, smpl)
    return Whole(made, video, true, hashlib.sha256(file.read_bytes() + digest(video)).hexdigest())
