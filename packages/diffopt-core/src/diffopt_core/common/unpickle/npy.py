"""numpy's own files, with the objects in them read by the restricted unpickler."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import IO, Any

from numpy.lib import format as layout

from .restricted import Unpickler

MAGIC = b"\x93NUMPY"
_HEADERS = {(1, 0): layout.read_array_header_1_0, (2, 0): layout.read_array_header_2_0}


def read_npy(stream: IO[bytes]) -> Any:
    """One ``.npy`` file: an array, or what a pickled array of objects holds. Raises ValueError, Refused."""
    start = stream.tell()
    version = layout.read_magic(stream)
    header = _HEADERS.get(version)
    if header is not None:
        _, _, dtype = header(stream)
        if dtype.hasobject:
            return Unpickler(io.BytesIO(stream.read())).load()
    stream.seek(start)
    return layout.read_array(stream, allow_pickle=False)


def read_npz(path: Path) -> dict[str, Any]:
    """Every array of an ``.npz``. Raises zipfile's and numpy's errors."""
    held = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".npy"):
                with archive.open(name) as stream:
                    held[name.removesuffix(".npy")] = read_npy(stream)
    return held
