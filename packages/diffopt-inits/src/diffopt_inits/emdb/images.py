"""The images of a sequence: ``images/00000.jpg`` and on, one for each frame."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from diffopt_core.errors import BadInput
from diffopt_core.types import Video
from diffopt_core.video import IMAGE_SUFFIXES, probe

log = logging.getLogger(__name__)
FOLDER = "images"


def find_images(file: Path, frames: int, size: tuple[int, int]) -> Video | None:
    """All frames of the sequence of the pickle ``file``; None, with a notice, where there is no folder of images.

    Raises BadInput where images are missing, or are not of the calibrated camera's size.
    """
    folder = file.parent / FOLDER
    if not folder.is_dir():
        log.warning("%s: there is no folder '%s' beside it; the clip has no video", file, FOLDER)
        return None
    numbers = {int(path.stem) for path in _images(folder) if path.stem.isdecimal()}
    if missing := sorted(set(range(frames)) - numbers):
        problem = f"{len(missing)} of {frames} are missing, the first is {missing[0]:05d}.jpg; is it unpacked whole?"
        raise BadInput(folder, FOLDER, problem)
    if len(numbers) != len(_images(folder)):
        raise BadInput(folder, FOLDER, "holds images that are not named 00000.jpg and on, or numbers twice")
    if len(numbers) > frames:
        log.warning("%s: %d images for %d frames; the last are not used", folder, len(numbers), frames)
    found = probe(folder).size
    if found != size:
        problem = f"{found[0]} x {found[1]} px, but the camera of {file.name} is calibrated for {size[0]} x {size[1]}"
        raise BadInput(folder, FOLDER, problem)
    return Video(folder, tuple(range(frames)), size)


def digest(video: Video | None) -> bytes:
    """A fingerprint of the images by name and length: their content is a gigabyte, read for nothing else."""
    if video is None:
        return b""
    lines = sorted(f"{path.name} {path.stat().st_size}" for path in _images(video.path))
    return hashlib.sha256("\n".join(lines).encode()).digest()


def _images(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES]
