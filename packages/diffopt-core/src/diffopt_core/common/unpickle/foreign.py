"""One door for files that other programs wrote: by their first bytes, not by their name."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import BadInput, MissingResource, reading
from ..elsewhere import refuse_others
from .joblib_stream import decompress, read_joblib
from .npy import MAGIC, read_npy, read_npz
from .restricted import Refused, Token, Unpickler
from .torch_parts import LEGACY, Storage, read_legacy, read_zip


def read_foreign(path: Path) -> Any:
    """What a file of pickle, joblib, torch or numpy holds, without running any of it.

    Mappings become dicts, torch tensors become numpy arrays (bfloat16 as float32), a 0-d array of an object becomes
    the object; lists, tuples, strings, numbers and arrays stay. Raises BadInput (naming the file, and the class
    where one was refused) and MissingResource (no such file; lz4 without its package).
    """
    path = Path(path)
    if not path.is_file():
        raise MissingResource(f"no file at '{path}'")
    refuse_others(path)
    with open(path, "rb") as file:
        start = file.read(32)
    kinds = {
        b"PK": ("zip file", _zip),
        LEGACY: ("torch file", _legacy),
        MAGIC: ("npy file", _npy),
    }
    key, read = next((kinds[mark] for mark in kinds if start.startswith(mark)), ("pickle", _pickle))
    with reading(path, key):
        return plain(used(read(path)))


def _zip(path: Path) -> Any:
    if not zipfile.is_zipfile(path):
        raise ValueError("it is cut off: the end of the archive is missing; copy it again")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if any(name.split("/")[-1] == "data.pkl" for name in names):
        return read_zip(path, Unpickler)
    if not any(name.endswith(".npy") for name in names):
        some = ", ".join(names[:3])
        raise BadInput(path, "zip file", f"neither numpy's (.npy) nor torch's (data.pkl), but of {some}: unpack it")
    return read_npz(path)


def _legacy(path: Path) -> Any:
    return read_legacy(path.read_bytes(), Unpickler)


def _npy(path: Path) -> Any:
    with open(path, "rb") as file:
        return read_npy(file, path.stat().st_size)


def _pickle(path: Path) -> Any:
    data = decompress(path.read_bytes())
    if data[257:262] == b"ustar":
        raise ValueError("a tar archive: unpack it")
    # a joblib stream names its classes; a plain pickle goes the fast way
    if b"NumpyArrayWrapper" in data or b"NDArrayWrapper" in data:
        return read_joblib(data, path.parent)
    try:
        return Unpickler(io.BytesIO(data)).load()
    except (KeyError, IndexError, EOFError) as error:
        if all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in data[:1000]):
            raise ValueError("it is text, not a pickle") from error
        raise


def used(value: Any) -> Any:
    """``value`` itself; Refused where the whole file is an object of a class that is not known."""
    if isinstance(value, Token) or (isinstance(value, type) and issubclass(value, Token)):
        raise Refused(value.name)
    return value


def plain(value: Any) -> Any:
    """Plain containers of numpy arrays; shared parts stay shared, so that a small file cannot grow here."""
    return _plain(value, {})


def _plain(value: Any, seen: dict[int, tuple[Any, Any]]) -> Any:
    if isinstance(value, str | bytes | int | float | None):
        return value
    if id(value) in seen:
        found = seen[id(value)][1]
        if found is seen:
            raise ValueError("a container that holds itself")
        return found
    seen[id(value)] = (value, seen)  # the value too: an id must not be given away
    out: Any = value
    if isinstance(value, dict):
        out = {_plain(k, seen): _plain(v, seen) for k, v in value.items()}
    elif isinstance(value, tuple):
        out = tuple(_plain(v, seen) for v in value)
    elif isinstance(value, list | set | frozenset):
        out = type(value)(_plain(v, seen) for v in value)
    elif isinstance(value, np.ndarray) and value.dtype == object:
        if value.ndim == 0:
            out = _plain(value.item(), seen)
        else:
            out = np.empty(value.shape, dtype=object)
            for index, part in enumerate(value.ravel()):
                out.flat[index] = _plain(part, seen)
    elif isinstance(value, Storage):
        out = value.items
    seen[id(value)] = (value, out)
    return out
