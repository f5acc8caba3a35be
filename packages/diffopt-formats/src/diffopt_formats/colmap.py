"""COLMAP models, text and binary, as written by COLMAP and DPVO: ``images`` and ``cameras`` in one folder.

An image has a quaternion w x y z and a translation (WORLD TO CAMERA), a camera and a name; a camera has a model, a size
and parameters. Only registered images are listed. Lens distortion is ignored, with a notice. In text files an image has
two lines; the second (its points) may be empty or missing. In binary files counts are 8 bytes, little endian. Source:
COLMAP's documentation of both formats; princeton-vl/DPVO dpvo/plot_utils.py.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffopt_core.errors import BadInput

from .fields import data_lines, numbers, read_text
from .poses import read_quaternions
from .tracks import Cameras

#: Model -> indices of fx, fy, cx, cy among its parameters; the rest is distortion.
_MODELS: dict[str, tuple[int, int, int, int]] = {
    "SIMPLE_PINHOLE": (0, 0, 1, 2), "SIMPLE_RADIAL": (0, 0, 1, 2), "RADIAL": (0, 0, 1, 2),
    "PINHOLE": (0, 1, 2, 3), "OPENCV": (0, 1, 2, 3), "FULL_OPENCV": (0, 1, 2, 3),
}  # fmt: skip
#: Models by their numbers in binary files, and how many parameters each has.
_NUMBERED = (
    ("SIMPLE_PINHOLE", 3), ("PINHOLE", 4), ("SIMPLE_RADIAL", 4), ("RADIAL", 5), ("OPENCV", 8), ("OPENCV_FISHEYE", 8),
    ("FULL_OPENCV", 12), ("FOV", 5), ("SIMPLE_RADIAL_FISHEYE", 4), ("RADIAL_FISHEYE", 5), ("THIN_PRISM_FISHEYE", 12),
)  # fmt: skip


@dataclass(frozen=True)
class _Lens:
    size: tuple[int, int]
    values: tuple[float, float, float, float]
    distorted: bool


#: Of an image: quaternion and translation, camera, name.
_Image = tuple[list[float], int, str]


def read_folder(path: Path) -> Cameras:
    """Read a model folder; text files are preferred. Raises BadInput."""
    return read(path / ("images.txt" if (path / "images.txt").exists() else "images.bin"))


def in_folder(path: Path) -> bool:
    """Whether the folder contains a model."""
    return any((path / name).exists() for name in ("images.txt", "images.bin"))


def read(path: Path) -> Cameras:
    """Read the model that ``path`` (any of its files) belongs to. Raises BadInput naming file and line."""
    binary = path.suffix.lower() == ".bin"
    if path.stem in ("cameras", "points3D"):
        path = path.with_name("images" + path.suffix)
    images = _binary(path, _image) if binary else _text_images(path)
    if not images:
        raise BadInput(path, "images", "contains no image: no camera of this model was registered")
    images = sorted(images, key=lambda one: [int(s) if s.isdigit() else s for s in re.split(r"(\d+)", one[2])])
    names = tuple(name for _, _, name in images)
    rows = numbers(path, "images", [row for row, _, _ in images], (None, 7))
    R, solved = read_quaternions(rows[:, :4], "wxyz", path, "images")
    beside = path.with_name("cameras" + path.suffix)
    lenses = {} if not beside.exists() else dict(_binary(beside, _lens) if binary else _text_lenses(beside))
    focal = centre = size = None
    notes: tuple[str, ...] = ()
    if lenses:
        used = [lenses.get(lens) for _, lens, _ in images]
        found = [lens for lens in used if lens is not None]
        if len(found) < len(used):
            raise BadInput(path, "camera", f"camera {images[used.index(None)][1]} is not in {beside.name}")
        if len({lens.size for lens in found}) > 1:
            raise BadInput(path, "camera", "the images differ in size, so they are not from one video")
        values = numbers(beside, "parameters", [lens.values for lens in found], (None, 4))
        focal, centre, size = values[:, :2], values[:, 2:], found[0].size
        if any(lens.distorted for lens in found):
            notes = (
                f"{path}: its cameras have lens distortion, which is ignored; undistort the video for exact results",
            )
    return Cameras(
        path, "colmap-binary" if binary else "colmap-text", "world to camera", R, rows[:, 4:], solved, names=names,
        keyframes=True, focal=focal, centre=centre, size=size, intrinsics_key=beside.name, notes=notes,
    )  # fmt: skip


def _text_images(path: Path) -> list[_Image]:
    """The line of points after each image may be empty."""
    found: list[_Image] = []
    text = read_text(path)
    lines = [(n, s.strip()) for n, s in enumerate(text.splitlines(), 1) if not s.lstrip().startswith("#")]
    position = 0
    while position < len(lines):
        number, line = lines[position]
        position += 1
        if not line:
            continue
        words = line.split(maxsplit=9)
        try:
            found.append(([float(word) for word in words[1:8]], int(words[8]), words[9]))
        except (ValueError, IndexError):
            raise BadInput(path, f"line {number}", "expected: id qw qx qy qz tx ty tz camera name") from None
        if position < len(lines) and _is_points(lines[position][1]):
            position += 1
    return found


def _is_points(line: str) -> bool:
    """Whether this is an image's line of points (triples of numbers, or empty); some programs omit it."""
    words = line.split()
    return len(words) % 3 == 0 and all(re.fullmatch(r"[-+.eE0-9]+", word) for word in words)


def _text_lenses(path: Path) -> list[tuple[int, _Lens]]:
    found = []
    for number, line in data_lines(read_text(path)):
        words = line.split()
        try:
            size, values = (int(words[2]), int(words[3])), [float(word) for word in words[4:]]
            found.append((int(words[0]), _made(words[1], size, values, path, f"line {number}")))
        except (ValueError, IndexError):
            raise BadInput(path, f"line {number}", "expected: id MODEL width height parameters") from None
    return found


def _made(model: str, size: tuple[int, int], values: list[float], path: Path, where: str) -> _Lens:
    if model not in _MODELS:
        raise BadInput(path, where, f"camera model {model}; known: {', '.join(sorted(_MODELS))}")
    if min(size) <= 0 or max(size) > 1_000_000:
        raise BadInput(path, where, f"an image of {size[0]} x {size[1]} px")
    fx, fy, cx, cy = (values[i] for i in _MODELS[model])
    return _Lens(size, (fx, fy, cx, cy), any(values[max(_MODELS[model]) + 1 :]))


class _Bytes:
    """A binary file, read in order."""

    def __init__(self, path: Path):
        self.path, self.data, self.at = path, path.read_bytes(), 0

    def take(self, layout: str) -> tuple[Any, ...]:
        """Values of ``struct``'s layout. Raises BadInput at the end of the file."""
        size = struct.calcsize("<" + layout)
        self.skip(size)
        return struct.unpack_from("<" + layout, self.data, self.at - size)

    def skip(self, size: int) -> None:
        """Skip bytes."""
        if self.at + size > len(self.data):
            raise BadInput(self.path, f"byte {self.at}", f"the file ends within an entry ({len(self.data)} bytes)")
        self.at += size

    def word(self) -> str:
        """Text up to the next zero byte."""
        end = self.data.find(b"\0", self.at)
        if end < 0:
            raise BadInput(self.path, f"byte {self.at}", "a name without its terminating zero byte")
        start, self.at = self.at, end + 1
        return self.data[start:end].decode("utf-8", "replace")


def _binary(path: Path, entry: Callable[[_Bytes], Any]) -> list[Any]:
    """The entries of a file; each reads bytes, so a wrong count in the file stops at the end of the file."""
    if not path.is_file():
        raise BadInput(path, "file", "does not exist")
    held = _Bytes(path)
    (count,) = held.take("Q")
    found = []
    for _ in range(min(count, len(held.data))):
        found.append(entry(held))
    return found


def _image(held: _Bytes) -> _Image:
    _, *row, lens = held.take("i7di")
    name = held.word()
    (points,) = held.take("Q")
    held.skip(24 * points)
    return list(row), lens, name


def _lens(held: _Bytes) -> tuple[int, _Lens]:
    at = f"byte {held.at}"
    name, model, width, height = held.take("iiQQ")
    if not 0 <= model < len(_NUMBERED):
        raise BadInput(held.path, at, f"camera model number {model} is not known")
    label, count = _NUMBERED[model]
    return name, _made(label, (width, height), list(held.take(f"{count}d")), held.path, at)
