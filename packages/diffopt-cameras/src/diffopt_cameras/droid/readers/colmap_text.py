"""COLMAP's text model, as COLMAP and DPVO write it: ``images.txt``, and ``cameras.txt`` beside it.

``images.txt``: two lines an image, ``id qw qx qy qz tx ty tz camera name`` (WORLD TO CAMERA, scalar first) and its
points. ``cameras.txt``: ``id MODEL width height parameters``. Only registered images are there. Lens distortion is not
read; it is said where there is some. Source: COLMAP's documentation of its text format; princeton-vl/DPVO
dpvo/plot_utils.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from diffopt_core.errors import BadInput

from ..poses import read_quaternions
from ..saved import SavedCameras
from ..text import data_lines, read_text

#: Model -> places of fx, fy, cx, cy among its parameters; what follows is distortion.
_MODELS: dict[str, tuple[int, int, int, int]] = {
    "SIMPLE_PINHOLE": (0, 0, 1, 2), "SIMPLE_RADIAL": (0, 0, 1, 2), "RADIAL": (0, 0, 1, 2),
    "PINHOLE": (0, 1, 2, 3), "OPENCV": (0, 1, 2, 3), "FULL_OPENCV": (0, 1, 2, 3),
}  # fmt: skip
_NUMBER = re.compile(r"(\d+)(?!.*\d)")


@dataclass(frozen=True)
class _Lens:
    size: tuple[int, int]
    values: tuple[float, float, float, float]
    distorted: bool


def read(text: str, path: Path) -> SavedCameras:
    """``text`` is that of ``images.txt``. Raises BadInput naming file and line."""
    rows, lenses, names = _images(text, path)
    order = sorted(
        range(len(names)), key=lambda i: [int(s) if s.isdigit() else s for s in re.split(r"(\d+)", names[i])]
    )
    rows, lenses, names = rows[order], [lenses[i] for i in order], [names[i] for i in order]
    R, solved = read_quaternions(rows[:, :4], "wxyz", path, "images")
    if not np.isfinite(rows).all():
        raise BadInput(path, "images", "holds poses that are not finite")
    found = [_NUMBER.search(Path(name).stem) for name in names]
    stamps = np.array([int(m[1]) for m in found if m], dtype=np.float64)
    described = _cameras(path.with_name("cameras.txt"))
    focal = centre = size = None
    notes: tuple[str, ...] = ()
    if described:
        try:
            used = [described[lens] for lens in lenses]
        except KeyError as error:
            raise BadInput(path, "camera", f"camera {error} is not in cameras.txt") from None
        if len({lens.size for lens in used}) > 1:
            raise BadInput(path, "camera", "the images are of different sizes: not of one video")
        values = np.array([lens.values for lens in used])
        focal, centre, size = values[:, :2], values[:, 2:], used[0].size
        if any(lens.distorted for lens in used):
            notes = (f"{path}: its cameras have lens distortion, which is left out; undistort the video for exactness",)
    return SavedCameras(
        path, "colmap-text", "world to camera", R, rows[:, 4:], solved,
        numbers=stamps if len(stamps) == len(names) else None, names=tuple(names), keyframes=True,
        focal=focal, centre=centre, size=size, intrinsics_key="cameras.txt", notes=notes,
    )  # fmt: skip


def _images(text: str, path: Path) -> tuple[np.ndarray, list[int], list[str]]:
    """Quaternion and translation (N 7), camera ids and names. The line of points after each image may be empty."""
    rows, lenses, names = [], [], []
    lines = [(n, s.strip()) for n, s in enumerate(text.splitlines(), 1) if not s.lstrip().startswith("#")]
    position = 0
    while position < len(lines):
        number, line = lines[position]
        position += 1
        if not line:
            continue
        words = line.split(maxsplit=9)
        try:
            rows.append([float(word) for word in words[1:8]])
            lenses.append(int(words[8]))
            names.append(words[9])
        except (ValueError, IndexError):
            raise BadInput(path, f"line {number}", "expected: id qw qx qy qz tx ty tz camera name") from None
        if position < len(lines) and _is_points(lines[position][1]):
            position += 1
    if not rows:
        raise BadInput(path, "images", "holds no image")
    return np.array(rows), lenses, names


def _is_points(line: str) -> bool:
    """Whether this is an image's line of points (triples of numbers, or empty); some programs leave it out."""
    words = line.split()
    return len(words) % 3 == 0 and all(re.fullmatch(r"[-+.eE0-9]+", word) for word in words)


def _cameras(path: Path) -> dict[int, _Lens]:
    """Camera id -> lens; empty where the file is missing."""
    if not path.exists():
        return {}
    found: dict[int, _Lens] = {}
    for number, line in data_lines(read_text(path)):
        words = line.split()
        try:
            model, size = words[1], (int(words[2]), int(words[3]))
            values = [float(word) for word in words[4:]]
            if model not in _MODELS:
                raise BadInput(path, f"line {number}", f"camera model {model}; known: {', '.join(sorted(_MODELS))}")
            fx, fy, cx, cy = (values[i] for i in _MODELS[model])
            found[int(words[0])] = _Lens(size, (fx, fy, cx, cy), any(values[max(_MODELS[model]) + 1 :]))
        except (ValueError, IndexError):
            raise BadInput(path, f"line {number}", "expected: id MODEL width height parameters") from None
    return found
