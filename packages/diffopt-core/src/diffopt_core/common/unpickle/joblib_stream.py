"""Read what ``joblib.dump`` wrote, without joblib: a pickle in which the bytes of arrays follow their description.

joblib's own loader hands arrays of objects to an unrestricted unpickler in versions before 1.6, so its classes are
stand-ins here. Format after joblib 1.6, numpy_pickle.py and numpy_pickle_compat.py (BSD-3-Clause), in own code.
"""

from __future__ import annotations

import bz2
import io
import lzma
import pickle
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...errors import MissingResource
from .arrays import counted, real
from .bounds import inflated
from .npy import read_npy
from .restricted import JoblibArray, JoblibCompanion, JoblibCompressedCompanion, Unpickler

#: Decompressors by the kind; zlib tells gzip by its own first bytes.
_STARTS: dict[str, Callable[[], Any]] = {
    "gzip": partial(zlib.decompressobj, 31),
    "zlib": zlib.decompressobj,
    "bz2": bz2.BZ2Decompressor,
    "lzma": lzma.LZMADecompressor,
}
#: First bytes -> compression. joblib's own signature of old z-files first.
COMPRESSIONS = {
    b"ZF": "zfile",
    b"\x1f\x8b": "gzip",
    b"BZ": "bz2",
    b"\xfd\x37\x7a\x58\x5a": "lzma",
    b"\x5d\x00": "lzma",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x78": "zlib",
}


def decompress(data: bytes) -> bytes:
    """The content of a file by any of joblib's compressions, or the data itself.

    Raises the decompressor's own errors; MissingResource for lz4 without its package.
    """
    kind = next((kind for start, kind in COMPRESSIONS.items() if data.startswith(start)), None)
    if kind == "zfile":
        return _zfile(data)
    if kind == "lz4":
        try:
            import lz4.frame
        except ImportError as error:
            raise MissingResource("a joblib file compressed by lz4 needs the package lz4: pip install lz4") from error
        return inflated(data, lz4.frame.LZ4FrameDecompressor)
    return inflated(data, _STARTS[kind]) if kind else data


def _zfile(data: bytes) -> bytes:
    """joblib before 0.10: ZF, the length as 0x... padded with blanks to 19 characters, then zlib."""
    length = int(data[2:21], 16)
    # Python 2 padded to one character more
    content = inflated(data[21:].removeprefix(b" "), zlib.decompressobj)
    if len(content) != length:
        raise ValueError(f"{len(content)} bytes where {length} were announced")
    return content


class JoblibUnpickler(Unpickler):
    """Restricted, and after each description of an array it reads the array."""

    dispatch: ClassVar[dict[int, Any]] = dict(Unpickler.dispatch)

    def __init__(self, stream: io.BytesIO, folder: Path):
        super().__init__(stream)
        self._stream, self._folder = stream, folder

    def load_build(self) -> None:
        super().load_build()
        top = self.stack[-1]  # type: ignore[attr-defined]
        if isinstance(top, JoblibArray):
            self.stack[-1] = self._following(top.state)  # type: ignore[attr-defined]
        elif isinstance(top, JoblibCompanion):
            self.stack[-1] = self._companion(top)  # type: ignore[attr-defined]

    dispatch[pickle.BUILD[0]] = load_build

    def _following(self, state: dict[str, Any]) -> np.ndarray:
        dtype, (shape, count) = real(state["dtype"]), counted(state["shape"])
        if dtype.hasobject:
            array = JoblibUnpickler(self._stream, self._folder).load()
            if not isinstance(array, np.ndarray):
                raise pickle.UnpicklingError(f"an array of objects was announced, {type(array).__name__} followed")
            return array
        if state.get("numpy_array_alignment_bytes") is not None:
            self._exactly(self._exactly(1)[0])
        array = np.frombuffer(bytearray(self._exactly(count * dtype.itemsize)), dtype)
        array = array.reshape(shape[::-1]).T if state["order"] == "F" else array.reshape(shape)
        return array.astype(dtype.newbyteorder("="), copy=False)

    def _companion(self, held: JoblibCompanion) -> np.ndarray:
        name = held.state["filename"]
        if not isinstance(name, str) or Path(name).name != name or "\\" in name:
            raise pickle.UnpicklingError(f"a companion file outside the folder ('{name}') is refused")
        file = self._folder / name
        if not isinstance(held, JoblibCompressedCompanion):
            with open(file, "rb") as stream:
                array = read_npy(stream, file.stat().st_size)
            if not isinstance(array, np.ndarray):
                raise pickle.UnpicklingError(f"the companion file '{name}' holds no array")
            return array
        _, shape, dtype, by_column = held.state["state"]
        (shape, _), dtype = counted(shape), real(dtype)
        if dtype.hasobject:
            raise pickle.UnpicklingError("a compressed companion file of objects is refused")
        array = np.frombuffer(bytearray(_zfile(file.read_bytes())), dtype)
        return array.reshape(shape[::-1]).T if by_column else array.reshape(shape)

    def _exactly(self, count: int) -> bytes:
        left = self._stream.getbuffer().nbytes - self._stream.tell()
        if count > left:
            raise EOFError(f"the file ends {count - left} bytes before the end of an array")
        return self._stream.read(count)


def read_joblib(data: bytes, folder: Path) -> Any:
    """What an uncompressed joblib stream holds. ``folder``: where companion files of old versions lie."""
    return JoblibUnpickler(io.BytesIO(data), folder).load()
