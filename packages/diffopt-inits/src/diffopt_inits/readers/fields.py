"""Checked access to what a result file holds: every complaint names the file, the key and what was expected."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.errors import BadInput
from scipy.spatial.transform import Rotation

#: The joints of SMPL's 23 that SMPL-H and SMPL-X share; the two hands are theirs no more.
SHARED = 21


class Fields:
    """A mapping of one file, under the address ``where`` in it."""

    def __init__(self, path: Path, held: Any, where: str = ""):
        self.path, self.where = path, where
        if not isinstance(held, Mapping):
            raise BadInput(path, where or "content", f"a mapping was expected, not {type(held).__name__}")
        self.held = held

    def fail(self, key: object, problem: str) -> BadInput:
        """The error to raise for a key."""
        return BadInput(self.path, self.name(key), problem)

    def name(self, key: object) -> str:
        return f"{self.where}.{key}" if self.where else str(key)

    def __contains__(self, key: object) -> bool:
        return key in self.held and self.held[key] is not None

    def raw(self, *keys: str) -> Any:
        """The value of the first of these keys that is there (tools rename them between versions)."""
        for key in keys:
            if key in self:
                return self.held[key]
        there = ", ".join(sorted(str(k) for k in self.held)) or "nothing"
        raise self.fail(keys[0], f"missing; it holds: {there[:300]}. Another version of the tool?")

    def sub(self, *keys: str) -> Fields:
        """A mapping within."""
        key = next((k for k in keys if k in self), keys[0])
        return Fields(self.path, self.raw(*keys), self.name(key))

    def people(self) -> list[tuple[str, Fields]]:
        """The people of a mapping by their ids, as text. Raises BadInput for none."""
        if not self.held:
            raise BadInput(self.path, self.where or "content", "holds no person")
        at = f"{self.where}." if self.where else "person "
        return [(str(key), Fields(self.path, one, f"{at}{key}")) for key, one in self.held.items()]

    def array(self, keys: str | tuple[str, ...], *shapes: tuple[int | None, ...]) -> np.ndarray:
        """Finite numbers in the first of these shapes (None: any size) that their count and order allow.

        Axes of length one are dropped where no shape fits as it is. Raises BadInput.
        """
        names = (keys,) if isinstance(keys, str) else keys
        key = next((k for k in names if k in self), names[0])
        return numbers(self.path, self.name(key), self.raw(*names), *shapes)

    def frames(self, *keys: str) -> np.ndarray:
        """Whole, rising, not negative numbers ``[N]``."""
        key = next((k for k in keys if k in self), keys[0])
        frames = self.array(keys, (None,))
        if len(frames) == 0:
            raise self.fail(key, "is empty")
        if (frames != np.round(frames)).any() or (frames < 0).any():
            raise self.fail(key, "frame numbers must be whole and not negative")
        if (np.diff(frames) <= 0).any():
            raise self.fail(key, "frame numbers must rise")
        return frames.astype(np.int64)


def numbers(path: Path, key: str, value: Any, *shapes: tuple[int | None, ...]) -> np.ndarray:
    """``value`` as finite float64 of one of ``shapes`` (see :meth:`Fields.array`)."""
    try:
        array = np.asarray(value)
        array = array if array.dtype.kind in "fiub" else array.astype(np.float64)
    except (ValueError, TypeError) as error:
        raise BadInput(path, key, f"numbers of one shape were expected ({error})") from None
    found = array.shape
    if not any(_fits(array.shape, shape) for shape in shapes):
        for shape in shapes:
            squeezed = _squeezed(array, shape)
            if squeezed is not None:
                array = squeezed
                break
        else:
            wanted = " or ".join(str(tuple("any" if n is None else n for n in shape)) for shape in shapes)
            raise BadInput(path, key, f"shape {found}, expected {wanted}")
    array = array.astype(np.float64)
    bad = ~np.isfinite(array)
    if bad.any():
        raise BadInput(path, key, f"{int(bad.sum())} of {bad.size} values are not finite")
    return array


def _fits(have: tuple[int, ...], want: tuple[int | None, ...]) -> bool:
    return len(have) == len(want) and all(w in (None, h) for h, w in zip(have, want, strict=True))


def _squeezed(array: np.ndarray, shape: tuple[int | None, ...]) -> np.ndarray | None:
    """With axes of length one dropped, so that it fits; None where that cannot be."""
    for axis in range(array.ndim - 1, -1, -1):
        if array.ndim > len(shape) and array.shape[axis] == 1:
            smaller = array.squeeze(axis)
            if _fits(smaller.shape, shape):
                return smaller
            if smaller.ndim > len(shape) and (found := _squeezed(smaller, shape)) is not None:
                return found
    return None


def same_length(fields: Fields, **arrays: np.ndarray) -> int:
    """The length that all arrays share. Raises BadInput for a truncated one, naming both counts."""
    first, count = next((key, len(array)) for key, array in arrays.items())
    for key, array in arrays.items():
        if len(array) != count:
            raise fields.fail(key, f"has {len(array)} frames where {first} has {count}: truncated?")
    return count


def matrices(axis_angle: np.ndarray) -> np.ndarray:
    """Rotation matrices ``[* 3 3]`` of axis-angle vectors ``[* 3]``, radians."""
    return Rotation.from_rotvec(axis_angle.reshape(-1, 3)).as_matrix().reshape(*axis_angle.shape[:-1], 3, 3)


def rotations(path: Path, key: str, R: np.ndarray) -> np.ndarray:
    """Checked rotation matrices, rounded to the nearest proper ones. Raises BadInput."""
    off = np.abs(R @ R.swapaxes(-1, -2) - np.eye(3)).max() if R.size else 0.0
    if off > 1e-2 or (R.size and (np.linalg.det(R) < 0).any()):
        raise BadInput(path, key, f"not rotations (R R^T is off by {off:.2g}, or a determinant is negative)")
    return Rotation.from_matrix(R.reshape(-1, 3, 3)).as_matrix().reshape(R.shape)


def body_rotations(pose: np.ndarray) -> np.ndarray:
    """``[N 23 3 3]`` of ``[N J 3 3]``: the first 21 joints are shared; from other bodies the hands stay straight."""
    if pose.shape[1] == 23:
        return pose
    out = np.tile(np.eye(3), (len(pose), 23, 1, 1))
    out[:, :SHARED] = pose[:, :SHARED]
    return out


def shape_ten(path: Path, key: str, betas: np.ndarray, count: int) -> np.ndarray:
    """``[count 10]`` of betas ``[K]`` or ``[count K]``: the first ten, missing ones zero."""
    rows = np.broadcast_to(betas, (count, betas.shape[-1])) if betas.ndim == 1 or len(betas) == 1 else betas
    if len(rows) != count:
        raise BadInput(path, key, f"has {len(rows)} frames where the pose has {count}: truncated?")
    out = np.zeros((count, 10))
    out[:, : min(10, rows.shape[1])] = rows[:, :10]
    return out
