"""The pieces that a tensor in a plain pickle is made of. torch is imported where one is met."""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Callable
from typing import Any

from .interpreter import Inert, Interpreter

#: Names of torch's dtypes that a pickle may mention.
TYPES = frozenset(
    (
        *("float16", "float32", "float64", "bfloat16", "half", "float", "double", "complex64", "complex128", "bool"),
        *("uint8", "int8", "int16", "int32", "int64", "short", "int", "long"),
    )
)
#: Pickles of a legacy file before its storages: torch's number, the protocol, the system, the object.
LEGACY_PICKLES = 4
#: Bytes an item, by the first part of a storage's name.
_BYTES = {"Double": 8, "Float": 4, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2, "Char": 1, "Byte": 1}
_BYTES |= {"Bool": 1, "ComplexFloat": 8, "ComplexDouble": 16, "Untyped": 1}
#: A tensor that repeats its storage (``expand``) has at most so many items.
_MOST_REPEATED = 1 << 24


class Storage(Inert):
    """A storage, of which only the size is known."""

    count = 0


class Storages(Interpreter):
    """Storages by name in torch's files, each no larger than the bytes that the file has for it."""

    #: How many bytes there are for a storage, by its key.
    room: Callable[[str], int]

    def storage_name(self, module: str, name: str) -> str | None:
        """What a name of a class of storages stands for; None for other names."""
        ours = name.endswith("Storage") and name.removesuffix("Storage") in _BYTES
        return name if ours and module in ("torch", "torch.storage") else None

    def find_class(self, module: str, name: str) -> Any:
        if found := self.storage_name(module, name):
            return found
        raise pickle.UnpicklingError(f"{module}.{name} in a storage is refused")

    def persistent_load(self, named: Any) -> Storage:
        if not isinstance(named, tuple) or len(named) not in (5, 6):
            raise pickle.UnpicklingError("a storage that torch did not write is refused")
        word, kind, key, _, count = named[:5]
        size = _BYTES.get(kind.removesuffix("Storage"), 0) if isinstance(kind, str) else 0
        good = word == "storage" and size and isinstance(key, str) and type(count) is int and count >= 0
        if not good or count * size > self.room(key):
            raise pickle.UnpicklingError("a storage without its bytes is refused")
        held = Storage()
        held.count = count
        return held


def storage(data: bytes) -> Any:
    """A storage that was pickled by value, read by torch's own restricted loader, on the CPU."""
    import torch

    stream = io.BytesIO(data)
    for _ in range(LEGACY_PICKLES):
        dry = Storages(stream)
        dry.room = lambda _: len(data)
        dry.load()
    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)


def fits(offset: Any, size: Any, stride: Any, count: int) -> bool:
    """Whether a tensor lies within a storage of ``count`` items."""
    tuples = isinstance(size, tuple) and isinstance(stride, tuple) and len(size) == len(stride)
    if not tuples or any(type(n) is not int or n < 0 for n in (offset, *size, *stride)):
        return False
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    return 0 in size or (last < count and math.prod(size) <= max(count, _MOST_REPEATED))


def tensor(held: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Any:
    """A tensor over a storage, within its bounds (torch would grow it). Hooks and gradients are left out."""
    import torch

    if not isinstance(held, torch.storage.TypedStorage):
        raise pickle.UnpicklingError(f"a tensor over {type(held).__name__} is refused")
    empty, untyped = torch.empty(0, dtype=held.dtype), held._untyped_storage
    if not fits(offset, size, stride, untyped.nbytes() // empty.element_size()):
        raise pickle.UnpicklingError(f"a tensor beyond its {untyped.nbytes()} bytes is refused")
    return empty.set_(untyped, offset, size, stride)


def parameter(data: Any, *_: Any) -> Any:
    """A parameter is its tensor here."""
    return data


def device(*parts: Any) -> str:
    """A device as text."""
    return ":".join(str(part) for part in parts if isinstance(part, str | int))
