"""Reading and writing `.npz` files: never a pickle, never half a file, the same bytes for the same arrays."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..errors import BadInput, reading
from .documents import atomic

Arrays = dict[str, np.ndarray]


def keys_of(path: Path) -> frozenset[str]:
    """Names of the arrays in an `.npz`, read from its directory alone; empty for anything else."""
    try:
        with zipfile.ZipFile(path) as archive:
            return frozenset(n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy"))
    except Exception:  # a damaged directory can raise almost anything
        return frozenset()


def read_npz(path: Path) -> Arrays:
    """All arrays of an `.npz`. Raises BadInput for anything that is not one, is damaged or holds pickles."""
    from .unpickle.npy import read_npz as read  # not at the top: many a command reads no file

    with reading(path):
        if not zipfile.is_zipfile(path):
            with open(path, "rb"):  # tells a missing or unreadable file from a foreign one
                raise BadInput(path, "file", "is not an .npz archive")
        return read(path, objects=False)


def read_array(path: Path, end: str = "") -> np.ndarray:
    """The array of an ``.npy``, never of objects. Raises BadInput. ``end``: the end of its line."""
    from .unpickle.npy import read_npy as read

    with reading(path, end=end), open(path, "rb") as file:
        array: np.ndarray = read(file, path.stat().st_size, objects=False)
    return array


def write_npz(path: Path, arrays: Mapping[str, object]) -> None:
    """Write compressed, atomically; the folder is made if need be.

    NumPy's own writer stamps the hour into the archive; here the bytes depend on the arrays alone, so that the
    checksum of a simulated case can be compared. Raises DiffOptError naming the folder if it cannot be written.
    """
    with atomic(path) as file, zipfile.ZipFile(file, "w") as archive:
        for key, value in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asanyarray(value), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{key}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, buffer.getvalue(), zipfile.ZIP_DEFLATED)


def check_arrays(path: Path, arrays: Arrays, shapes: Mapping[str, tuple[int, ...]], frames: int) -> None:
    """Raise BadInput unless all of these are numbers of their shapes; -1 stands for ``frames``."""
    for key, expected in shapes.items():
        if key not in arrays:
            raise BadInput(path, key, "is missing: written by another version; run it again")
        shape = tuple(frames if size < 0 else size for size in expected)
        if arrays[key].shape != shape or arrays[key].dtype.kind not in "iuf":
            raise BadInput(path, key, f"is {arrays[key].dtype} {arrays[key].shape}; expected numbers {shape}")
