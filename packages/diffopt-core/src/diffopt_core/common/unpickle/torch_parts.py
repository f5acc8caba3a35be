"""The pieces that a tensor in a plain pickle is made of. torch is imported where one is met."""

from __future__ import annotations

import io
import pickle
from typing import Any

#: Names of torch's dtypes that a pickle may mention.
TYPES = frozenset(
    (
        *("float16", "float32", "float64", "bfloat16", "half", "float", "double", "complex64", "complex128", "bool"),
        *("uint8", "int8", "int16", "int32", "int64", "short", "int", "long"),
    )
)


def storage(data: bytes) -> Any:
    """A storage that was pickled by value, read by torch's own restricted loader, on the CPU."""
    import torch

    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)


def tensor(held: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Any:
    """A tensor over a storage, within its bounds (torch would grow it). Hooks and gradients are left out."""
    import torch

    if not isinstance(held, torch.storage.TypedStorage):
        raise pickle.UnpicklingError(f"a tensor over {type(held).__name__} is refused")
    tuples = isinstance(size, tuple) and isinstance(stride, tuple) and len(size) == len(stride)
    if not tuples or any(type(n) is not int or n < 0 for n in (offset, *size, *stride)):
        raise pickle.UnpicklingError(f"a tensor of size {size}, stride {stride}, offset {offset} is refused")
    empty, untyped = torch.empty(0, dtype=held.dtype), held._untyped_storage
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if 0 not in size and (last + 1) * empty.element_size() > untyped.nbytes():
        raise pickle.UnpicklingError(f"a tensor of {tuple(size)} over {untyped.nbytes()} bytes is refused")
    return empty.set_(untyped, offset, size, stride)


def parameter(data: Any, *_: Any) -> Any:
    """A parameter is its tensor here."""
    return data


def device(*parts: Any) -> str:
    """A device as text."""
    return ":".join(str(part) for part in parts)
