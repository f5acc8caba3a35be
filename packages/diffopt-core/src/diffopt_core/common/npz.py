"""Reading and writing `.npz` files: no pickles, atomic writes, the same bytes for the same arrays."""

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
    """Names of the arrays in an `.npz`, read from its zip directory; empty for any other file (a tar whose last member
    is an `.npz` has a zip directory, too)."""
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            file.seek(0)
            if file.read(2) != b"PK":
                return frozenset()
            return frozenset(n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy"))
    except Exception:  # a damaged zip directory can raise almost anything
        return frozenset()


def length_of(path: Path, key: str) -> int:
    """First axis of an array in an `.npz`, read from its header; 0 if there is none."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{key}.npy") as file:
            of_version = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
            return int(of_version[np.lib.format.read_magic(file)[0]](file)[0][0])
    except Exception:  # as above
        return 0


def read_npz(path: Path) -> Arrays:
    """All arrays of an `.npz`. Raises BadInput if the file is not one, is damaged or holds pickles."""
    from .unpickle.npy import read_npz as read  # not at the top: many commands read no file

    with reading(path):
        if not zipfile.is_zipfile(path):
            with open(path, "rb"):  # distinguishes a missing or unreadable file from another format
                raise BadInput(path, "file", "is not an .npz archive")
        return read(path, objects=False)


def read_array(path: Path, end: str = "") -> np.ndarray:
    """The array of an ``.npy``; object arrays are refused. Raises BadInput. ``end``: text appended to the error."""
    from .unpickle.npy import read_npy as read

    with reading(path, end=end), open(path, "rb") as file:
        array: np.ndarray = read(file, path.stat().st_size, objects=False)
    return array


def write_npz(path: Path, arrays: Mapping[str, object]) -> None:
    """Write compressed and atomically; creates the folder.

    NumPy's own writer stores the time in the archive; here the bytes depend on the arrays only, so that checksums of
    simulated cases can be compared. Raises DiffOptError naming the folder if it cannot be written.
    """
    with atomic(path) as file, zipfile.ZipFile(file, "w") as archive:
        for key, value in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asanyarray(value), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{key}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, buffer.getvalue(), zipfile.ZIP_DEFLATED)


def check_arrays(path: Path, arrays: Arrays, shapes: Mapping[str, tuple[int, ...]], frames: int) -> None:
    """Raise BadInput unless all of these keys hold numbers of the given shapes; -1 stands for ``frames``."""
    for key, expected in shapes.items():
        if key not in arrays:
            raise BadInput(path, key, "is missing: the file was written by another version; repeat the run")
        shape = tuple(frames if size < 0 else size for size in expected)
        if arrays[key].shape != shape or arrays[key].dtype.kind not in "iuf":
            raise BadInput(path, key, f"is {arrays[key].dtype} {arrays[key].shape}; expected numbers {shape}")
