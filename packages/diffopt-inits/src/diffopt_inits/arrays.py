"""Checked arrays of an ``.npz``: every complaint names the file, the key and what was expected."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np
from diffopt_core.errors import BadInput


class Arrays:
    """The arrays of one file. ``take`` checks shape and finiteness; ``...`` in a shape stands for any size."""

    def __init__(self, path: Path):
        self.path = path
        try:
            with np.load(path, allow_pickle=False) as npz:
                self._arrays = {key: npz[key] for key in npz.files}
        except (OSError, ValueError, zipfile.BadZipFile, zlib.error, EOFError, AttributeError) as error:
            raise BadInput(path, "file", f"cannot be read as .npz without pickled objects ({error})") from error

    def __contains__(self, key: str) -> bool:
        return key in self._arrays

    def fail(self, key: str, problem: str) -> BadInput:
        """The error to raise."""
        return BadInput(self.path, key, problem)

    def raw(self, key: str) -> np.ndarray:
        """An array as it is; BadInput where it is missing."""
        if key not in self._arrays:
            raise self.fail(key, f"missing; the file holds: {', '.join(sorted(self._arrays)) or 'nothing'}")
        return self._arrays[key]

    def take(self, key: str, shape: tuple[int | None, ...], finite: np.ndarray | None = None) -> np.ndarray:
        """Numbers of a shape (None: any size) as float64, all finite (or those rows where ``finite``)."""
        array = self.raw(key)
        if array.dtype.kind not in "fiub":
            raise self.fail(key, f"expected numbers, found {array.dtype}")
        fits = array.ndim == len(shape) and all(
            want in (None, have) for want, have in zip(shape, array.shape, strict=False)
        )
        if not fits:
            wanted = tuple("any" if n is None else n for n in shape)
            raise self.fail(key, f"shape {array.shape}, expected {wanted}")
        array = array.astype(np.float64)
        bad = ~np.isfinite(array if finite is None else array[finite])
        if bad.any():
            raise self.fail(key, f"{int(bad.sum())} values are not finite")
        return array

    def positive(self, key: str) -> float:
        """One positive number."""
        value = float(self.take(key, ()))
        if value <= 0:
            raise self.fail(key, f"{value:g}, expected a positive number")
        return value

    def rotations(self, key: str, count: int | None) -> np.ndarray:
        """Rotation matrices ``[N 3 3]``."""
        R = self.take(key, (count, 3, 3))
        off = np.abs(R @ R.transpose(0, 2, 1) - np.eye(3)).max() if len(R) else 0.0
        if off > 1e-3 or (np.linalg.det(R) < 0).any():
            raise self.fail(key, f"not rotations (R R^T is off by {off:.2g}, or the determinant is negative)")
        return R
