"""numpy's own files, by what their headers say: type, shape and size are held against the file before anything is made.

Objects in them are read by the interpreter of pickles, or not at all.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as layout

from ...errors import reading
from .arrays import counted
from .bounds import check_archive
from .restricted import Unpickler

MAGIC = b"\x93NUMPY"
_HEADERS = {(1, 0): layout.read_array_header_1_0, (2, 0): layout.read_array_header_2_0}
_KINDS = "?biufcSU"


def read_npy(stream: IO[bytes], size: int, objects: bool = True) -> Any:
    """One ``.npy`` of ``size`` bytes: an array, or what a pickled array of objects holds. Raises ValueError."""
    version = layout.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f"version {version[0]}.{version[1]} of .npy is not read")
    with warnings.catch_warnings():  # of headers as Python 2 wrote them
        warnings.simplefilter("ignore")
        shape, by_column, dtype = _HEADERS[version](stream)
    if dtype.hasobject and objects and dtype.kind == "O":
        return Unpickler(io.BytesIO(stream.read())).load()
    if dtype.hasobject:
        raise ValueError("holds pickled objects, which are not read; save plain arrays")
    if dtype.kind not in _KINDS or dtype.names or dtype.subdtype:
        raise ValueError(f"holds {dtype}: neither numbers nor text")
    (shape, count), need = counted(shape), 0
    if (need := count * dtype.itemsize) > size:
        raise ValueError(f"is cut off: shape {shape} of {dtype} takes {need} bytes, there are {size}")
    data = bytearray(need)
    if stream.readinto(data) != need:  # type: ignore[attr-defined]
        raise ValueError(f"is cut off: shape {shape} of {dtype} takes {need} bytes")
    flat = np.frombuffer(data, dtype) if need else np.empty(count, dtype)
    return flat.reshape(shape[::-1]).T if by_column else flat.reshape(shape)


def read_npz(path: Path, objects: bool = True) -> dict[str, Any]:
    """Every array of an ``.npz``. Raises zipfile's errors, and BadInput naming the array."""
    held = {}
    with zipfile.ZipFile(path) as archive:
        for info in check_archive(path, archive):
            key = info.filename.removesuffix(".npy")
            if key != info.filename:
                with reading(path, key), archive.open(info) as stream:
                    held[key] = read_npy(stream, info.file_size, objects)
    return held
