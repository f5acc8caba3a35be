"""Files of ``torch.save``, zip and legacy, and tensors in plain pickles, as numpy arrays: torch itself reads nothing.

A tensor is a view of a storage, whose bytes are parts of the file; each is held against the bytes that are there.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np

from .bounds import check_archive
from .interpreter import Inert

#: The first bytes of a legacy file: the pickle of torch's magic number.
LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
#: Names of torch's dtypes that a pickle may mention.
TYPES = frozenset(
    (
        *("float16", "float32", "float64", "bfloat16", "half", "float", "double", "complex64", "complex128", "bool"),
        *("uint8", "int8", "int16", "int32", "int64", "short", "int", "long"),
    )
)
#: numpy's type of the items, by the first part of a storage's name. bfloat16 is the upper half of a float32.
_ITEMS = {
    "Double": "<f8",
    "Float": "<f4",
    "Half": "<f2",
    "BFloat16": "<u2",
    "Long": "<i8",
    "Int": "<i4",
    "Short": "<i2",
}
_ITEMS |= {"Char": "i1", "Byte": "u1", "Bool": "?", "ComplexFloat": "<c8", "ComplexDouble": "<c16", "Untyped": "u1"}
#: A tensor that repeats its storage (``expand``) has at most so many items.
_MOST_REPEATED = 1 << 20

#: Gives the bytes of a storage by its key and their number.
Bytes = Callable[[str, int], bytes]
#: Makes what ``load``s a pickle of a stream, and of the storages that it refers to.
Reads = Callable[..., Any]


class Storage(Inert):
    """Items in a row. ``data``: as bytes."""

    kind = "storage"

    def __init__(self, name: str, data: bytes):
        super().__init__()
        flat = np.frombuffer(bytearray(data), _ITEMS[name])
        self.items = (flat.astype(np.uint32) << 16).view(np.float32) if name == "BFloat16" else flat


def storage_name(module: str, name: str) -> str | None:
    """What a name of a class of storages stands for; None for other names."""
    kind = name.removesuffix("Storage")
    return kind if kind != name and kind in _ITEMS and module in ("torch", "torch.storage") else None


def held_by(named: Any, bytes_of: Bytes) -> Storage:
    """The storage that a file refers to. Raises UnpicklingError where it has fewer bytes than it says."""
    if not isinstance(named, tuple) or len(named) not in (5, 6) or named[0] != "storage" or named[1] not in _ITEMS:
        raise UnpicklingError("a storage that torch did not write is refused")
    _, kind, key, _, count = named[:5]
    size = np.dtype(_ITEMS[kind]).itemsize
    if not isinstance(key, str) or type(count) is not int or not 0 <= count < 1 << 48:
        raise UnpicklingError("a storage that torch did not write is refused")
    data = bytes_of(key, count * size)
    if len(data) < count * size:
        raise UnpicklingError(f"a storage of {count * size} bytes of which there are {len(data)} is refused")
    return Storage(kind, data[: count * size])


def tensor(held: Any, offset: Any, size: Any, stride: Any, *_: Any) -> np.ndarray:
    """A tensor over a storage, within its bounds. Hooks and gradients are left out."""
    if not isinstance(held, Storage):
        raise UnpicklingError(f"a tensor over {type(held).__name__} is refused")
    tuples = isinstance(size, tuple) and isinstance(stride, tuple) and len(size) == len(stride) <= 8
    if not tuples or any(type(n) is not int or n < 0 for n in (offset, *size, *stride)):
        raise UnpicklingError("a tensor of an impossible shape is refused")
    items, last = held.items, offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if 0 in size:
        return np.empty(size, items.dtype)
    if last >= len(items) or math.prod(size) > max(len(items), _MOST_REPEATED):
        raise UnpicklingError(f"a tensor beyond its storage of {len(items)} items is refused")
    return np.lib.stride_tricks.as_strided(items[offset:], size, [step * items.itemsize for step in stride])


def parameter(data: Any, *_: Any) -> Any:
    """A parameter is its tensor here."""
    return data


def device(*parts: Any) -> str:
    """A device as text."""
    return ":".join(str(part) for part in parts if isinstance(part, str | int))


def read_zip(path: Path, unpickler: Reads) -> Any:
    """What a zip of torch's holds."""
    with zipfile.ZipFile(path) as archive:
        held = {info.filename: info for info in check_archive(path, archive)}
        if any(info.compress_type != zipfile.ZIP_STORED for info in held.values()):
            raise UnpicklingError("an archive with compressed parts, which torch does not write")
        name = next(name for name in held if name.split("/")[-1] == "data.pkl")
        folder, found = name.removesuffix("data.pkl"), dict[str, bytes]()

        def bytes_of(key: str, size: int) -> bytes:
            info = held.get(f"{folder}data/{key}")
            if info is None or info.file_size < size:
                return b""
            found[key] = found.get(key) or archive.read(info)
            return found[key]

        return unpickler(io.BytesIO(archive.read(name)), bytes_of).load()


def read_legacy(data: bytes, unpickler: Reads) -> Any:
    """What a file of torch before 1.6 holds: its number, protocol and system, the object, then the storages' bytes."""
    stream = io.BytesIO(data)
    for _ in range(3):
        unpickler(stream).load()
    start, sizes = stream.tell(), dict[str, int]()

    def measured(key: str, size: int) -> bytes:
        sizes[key] = max(size, sizes.get(key, 0))
        if sum(sizes.values()) > len(data):
            raise UnpicklingError("storages of more bytes than the file has are refused")
        return bytes(size)

    unpickler(stream, measured).load()
    found = dict(_storages(stream, unpickler(stream).load(), sizes))
    stream.seek(start)
    return unpickler(stream, lambda key, size: found.get(key, b"")).load()


def _storages(stream: io.BytesIO, keys: Any, sizes: Mapping[str, int]) -> list[tuple[str, bytes]]:
    """Key and bytes of each: the number of its items goes before them."""
    if not isinstance(keys, list):
        raise UnpicklingError("a file without a list of its storages is refused")
    found = []
    for key in keys:
        struct.unpack("<q", stream.read(8))
        found.append((key, stream.read(sizes[key])))
    return found
