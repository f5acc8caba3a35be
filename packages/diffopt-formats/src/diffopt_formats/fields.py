"""Validated access to the content of a foreign file: every error names the file, the key and the expected value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.common.elsewhere import refuse_others
from diffopt_core.errors import BadInput, reading
from scipy.spatial.transform import Rotation

#: How many of SMPL's 23 joints SMPL-H and SMPL-X share: all but the two hands.
SHARED = 21
_DECIMAL = re.compile(r"[-+]?\d+(,\d+)?([eE][-+]?\d+)?")
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


def read_text(path: Path) -> str:
    """The text of a file: UTF-8, or UTF-16 with a byte order mark. Raises BadInput if it is not text."""
    with reading(path):
        refuse_others(path)
        data = path.read_bytes()
        return data.decode(_MARKS.get(data[:2]) or _MARKS.get(data[:3]) or "utf-8")


def is_text(path: Path) -> bool:
    """Whether the first bytes of the file are text."""
    with open(path, "rb") as file:
        start = file.read(2048)
    marked = start[:2] in _MARKS or start[:3] in _MARKS
    return bool(start) and (marked or all(byte in b"\t\n\r\f" or 32 <= byte < 127 for byte in start))


def data_lines(text: str) -> list[tuple[int, str]]:
    """Lines that are neither empty nor comments, with their numbers (from 1)."""
    lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in lines if line and not line.startswith("#")]


def words_of(line: str) -> list[str]:
    """The words of a line, separated by spaces, semicolons or commas. If spaces or semicolons separate them, a comma is
    a decimal point."""
    parts = line.replace(";", " ").split()
    if len(parts) > 1 and all(_DECIMAL.fullmatch(part) for part in parts):
        return [part.replace(",", ".") for part in parts]
    return line.replace(";", " ").replace(",", " ").split()


def rows_of(text: str, path: Path, width: int, what: str) -> np.ndarray:
    """N ``width`` doubles. Raises BadInput naming the first line with anything else."""
    lines = data_lines(text)
    if not lines:
        raise BadInput(path, "poses", "contains no line with a pose")
    rows = []
    for number, line in lines:
        words = words_of(line)
        try:
            row = [float(word) for word in words]
        except ValueError:
            raise BadInput(path, f"line {number}", f"is not all numbers, expected {what}") from None
        if len(row) != width:
            raise BadInput(path, f"line {number}", f"has {len(row)} numbers, expected {width}: {what}")
        rows.append(row)
    return np.array(rows)


def describe(content: Any) -> str:
    """A short description of a file's content."""
    if isinstance(content, Mapping):
        keys = [str(key)[:60] for key in content]
        return f"the keys {', '.join(keys[:12])}{', ...' if len(keys) > 12 else ''}" if keys else "nothing"
    if isinstance(content, np.ndarray):
        return f"an array of shape {_shape(content.shape)}"
    return f"a {type(content).__name__}"


class Fields:
    """A mapping in a file, at the key path ``where``."""

    def __init__(self, path: Path, held: Any, where: str = ""):
        self.path, self.where = path, where
        if not isinstance(held, Mapping):
            raise BadInput(path, where or "content", f"a mapping was expected, not {describe(held)}")
        self.held = held

    def fail(self, key: object, problem: str) -> BadInput:
        """The error to raise for a key."""
        return BadInput(self.path, self.name(key), problem)

    def name(self, key: object) -> str:
        return f"{self.where}.{key}" if self.where else str(key)

    def __contains__(self, key: object) -> bool:
        return key in self.held and self.held[key] is not None

    def _first(self, keys: tuple[str, ...]) -> str:
        return next((key for key in keys if key in self), keys[0])

    def raw(self, *keys: str) -> Any:
        """The value of the first of these keys that exists (tools rename keys between versions)."""
        key = self._first(keys)
        if key not in self:
            raise self.fail(key, f"missing; found {describe(self.held)}. Another version of the tool?")
        return self.held[key]

    def sub(self, *keys: str) -> Fields:
        """A nested mapping."""
        return Fields(self.path, self.raw(*keys), self.name(self._first(keys)))

    def people(self) -> list[tuple[str, Fields]]:
        """The people of a mapping by their ids, as text."""
        at = f"{self.where}." if self.where else "person "
        return [(str(key), Fields(self.path, one, f"{at}{key}")) for key, one in self.held.items()]

    def array(self, keys: str | tuple[str, ...], *shapes: tuple[int | None, ...], finite: bool = True) -> np.ndarray:
        """Numbers of the first key that exists: see :func:`numbers`."""
        names = (keys,) if isinstance(keys, str) else keys
        return numbers(self.path, self.name(self._first(names)), self.raw(*names), *shapes, finite=finite)

    def frames(self, *keys: str) -> np.ndarray:
        """Whole, rising, not negative numbers ``[N]``."""
        return frame_ids(self.path, self.name(self._first(keys)), self.raw(*keys))

    def pair(self, key: str) -> tuple[float, float] | None:
        """Two numbers, such as a principal point; None where the key is missing."""
        if key not in self:
            return None
        x, y = self.array(key, (2,))
        return float(x), float(y)

    def number(self, key: str) -> float | None:
        """One number; None where the key is missing."""
        return float(self.array(key, ())) if key in self else None


def frame_ids(path: Path, key: str, value: Any) -> np.ndarray:
    """Whole, rising, not negative numbers ``[N]``. Raises BadInput."""
    frames = numbers(path, key, value, (None,))
    if len(frames) == 0:
        raise BadInput(path, key, "is empty")
    if (frames != np.round(frames)).any() or (frames < 0).any() or frames.max() > 1e9:
        raise BadInput(path, key, "frame numbers must be whole and not negative")
    if (np.diff(frames) <= 0).any():
        raise BadInput(path, key, "frame numbers must rise")
    return frames.astype(np.int64)


def numbers(path: Path, key: str, value: Any, *shapes: tuple[int | None, ...], finite: bool = True) -> np.ndarray:
    """``value`` as float64 of the first of ``shapes`` (None: any size) that matches.

    Axes of length one are dropped if no shape fits otherwise. ``finite``: every number must be finite, also in float32,
    the solver's type. Raises BadInput.
    """
    try:
        array = np.asarray(value)
        if array.dtype == object:  # a list of matrices of one size each
            array = np.stack([np.asarray(row, dtype=np.float64) for row in value])
        array = array.astype(np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        said = " ".join(str(error).split())[:200]
        raise BadInput(path, key, f"numbers of one shape were expected ({said})") from None
    wanted = next((found for shape in shapes if (found := _fitted(array, shape)) is not None), None)
    if wanted is None:
        expected = " or ".join(_shape(shape) for shape in shapes)
        raise BadInput(path, key, f"has shape {_shape(array.shape)}, expected {expected}")
    if finite:
        bad = ~(np.abs(wanted) < np.finfo(np.float32).max)
        if bad.any():
            raise BadInput(path, key, f"{int(bad.sum())} of {bad.size} values are not finite")
    return wanted


def _shape(shape: tuple[int | None, ...]) -> str:
    if len(shape) > 8:
        return f"of {len(shape)} axes"
    return " x ".join("N" if n is None else str(n) for n in shape) or "of a single number"


def _fitted(array: np.ndarray, shape: tuple[int | None, ...]) -> np.ndarray | None:
    """The array in a shape, with surplus axes of length one dropped; None if it does not fit."""
    long = [n for n in array.shape if n != 1]
    if array.ndim <= len(shape) or len(long) > len(shape):
        return array if array.ndim == len(shape) and _fits(array.shape, shape) else None
    for places in combinations(range(len(shape)), len(long)):
        sizes = [1] * len(shape)
        for place, size in zip(places, long, strict=True):
            sizes[place] = size
        if _fits(sizes, shape):
            return array.reshape(sizes)
    return None


def _fits(have: Sequence[int], want: tuple[int | None, ...]) -> bool:
    return all(w in (None, h) for h, w in zip(have, want, strict=True))


def same_length(fields: Fields, **arrays: np.ndarray) -> int:
    """The common length of all arrays. Raises BadInput if it is 0 or differs, naming both counts."""
    first, count = next((key, len(array)) for key, array in arrays.items())
    for key, array in arrays.items():
        if len(array) != count:
            raise fields.fail(key, f"has {len(array)} frames where {first} has {count}: truncated?")
    if not count:
        raise fields.fail(first, "holds no frame")
    return count


def matrices(axis_angle: np.ndarray) -> np.ndarray:
    """Rotation matrices ``[* 3 3]`` of axis-angle vectors ``[* 3]``, radians."""
    return Rotation.from_rotvec(axis_angle.reshape(-1, 3)).as_matrix().reshape(*axis_angle.shape[:-1], 3, 3)


def joint_rotations(fields: Fields, keys: str | tuple[str, ...], *joints: int) -> np.ndarray:
    """``[N J 3 3]`` of axis-angle vectors, flat or not, of one of these counts of joints. Raises BadInput."""
    pose = fields.array(keys, *((None, 3 * count) for count in joints), *((None, count, 3) for count in joints))
    if np.abs(pose).max(initial=0.0) > 4 * np.pi:
        key = (keys,) if isinstance(keys, str) else keys
        raise fields.fail(key[0], f"angles up to {np.abs(pose).max():.4g} rad: degrees instead of radians?")
    return matrices(pose.reshape(len(pose), pose.size // max(3 * len(pose), 1), 3))


def rotations(path: Path, key: str, R: np.ndarray) -> np.ndarray:
    """Checked rotation matrices, rounded to the nearest proper ones. Raises BadInput."""
    off = np.abs(R @ R.swapaxes(-1, -2) - np.eye(3)).max() if R.size else 0.0
    if off > 1e-2 or (R.size and (np.linalg.det(R) < 0).any()):
        raise BadInput(
            path, key, f"not rotations (R R^T differs from the identity by {off:.2g}, or a determinant is negative)"
        )
    return Rotation.from_matrix(R.reshape(-1, 3, 3)).as_matrix().reshape(R.shape)


def body_rotations(pose: np.ndarray) -> np.ndarray:
    """``[N 23 3 3]`` of ``[N J 3 3]``: the first 21 joints are shared; for other body models the hands stay
    straight."""
    if pose.shape[1] == 23:
        return pose
    out = np.tile(np.eye(3), (len(pose), 23, 1, 1))
    out[:, :SHARED] = pose[:, :SHARED]
    return out


def shape_ten(fields: Fields, key: str, count: int) -> np.ndarray:
    """``[count 10]`` of betas ``[K]`` or ``[count K]``: the first ten, missing ones zero. Raises BadInput."""
    return ten_of(fields.path, fields.name(key), fields.array(key, (None, None), (None,)), count)


def ten_of(path: Path, key: str, betas: np.ndarray, count: int) -> np.ndarray:
    """As :func:`shape_ten`, of an array."""
    rows = np.broadcast_to(betas, (count, betas.shape[-1])) if betas.ndim == 1 or len(betas) == 1 else betas
    if len(rows) != count:
        raise BadInput(path, key, f"has {len(rows)} frames where the pose has {count}: truncated?")
    out = np.zeros((count, 10))
    out[:, : min(10, rows.shape[1])] = rows[:, :10]
    return out
