"""numpy's arrays of a pickle, rebuilt by our own hands: the file says type, shape and bytes, and each is checked.

numpy's own ``__setstate__`` of a dtype takes flags and offsets from the file, so that bytes of it become pointers. Here
a dtype is one of a closed list of plain descriptors, and what a file would set on it but the byte order is ignored.
"""

from __future__ import annotations

import math
import re
from pickle import UnpicklingError
from typing import Any

import numpy as np

#: Booleans, integers, floats, complex numbers and text, as numpy writes them; ``O`` only as a list of objects.
_PLAIN = re.compile(r"[<>=|]?(?:\?|b1|[iu][1248]|f(?:2|4|8|16)|c(?:8|16|32)|[bBhHiIlLqQefdgFDG]|[SU]\d{1,6}|O[48]?)")
_MOST_DIMENSIONS = 8


class Dtype:
    """What a pickle says of a dtype. :meth:`real` is numpy's, made here."""

    def __init__(self, descriptor: Any = None, *_: Any):
        text = descriptor.decode("latin1") if isinstance(descriptor, bytes) else descriptor
        what = text[:40] if isinstance(text, str) else type(text).__name__
        if not isinstance(text, str) or not _PLAIN.fullmatch(text):
            raise UnpicklingError(f"an array of type {what!r} is refused: neither numbers nor text")
        self._held = np.dtype(text)

    def __setstate__(self, state: Any) -> None:
        order: Any = state[1] if isinstance(state, tuple) and len(state) >= 5 else None
        order = order.decode("latin1") if isinstance(order, bytes) else order
        if order not in ("<", ">", "=", "|") or any(part is not None for part in state[2:5]):
            raise UnpicklingError("an array of a structured type is refused")
        self._held = self._held.newbyteorder(order)

    def real(self) -> np.dtype[Any]:
        return self._held


def real(dtype: Any) -> np.dtype[Any]:
    """numpy's dtype of a stand-in. Raises UnpicklingError for anything else."""
    if not isinstance(dtype, Dtype):
        raise UnpicklingError(f"an array of type {type(dtype).__name__} is refused")
    return dtype.real()


def counted(shape: Any) -> tuple[tuple[int, ...], int]:
    """A shape, checked, and how many items it has."""
    if type(shape) is int:
        shape = (shape,)
    good = isinstance(shape, tuple | list) and len(shape) <= _MOST_DIMENSIONS
    if not good or any(type(n) is not int or not 0 <= n < 1 << 48 for n in shape):
        raise UnpicklingError("an array of an impossible shape is refused")
    return tuple(shape), math.prod(shape)


def set_state(array: np.ndarray, state: Any) -> None:
    """numpy's ``__setstate__`` of a fresh array, for a state that fits. Raises UnpicklingError."""
    if not isinstance(state, tuple) or len(state) not in (4, 5) or array.size or array.shape != (0,):
        raise UnpicklingError("an array's state that numpy did not write is refused")
    shape, dtype, by_column, data = state[-4:]
    (shape, count), dtype = counted(shape), real(dtype)
    if dtype.hasobject:
        if type(data) is not list or len(data) != count:
            raise UnpicklingError("an array of objects without its objects is refused")
    else:
        data = data.encode("latin1") if isinstance(data, str) else data  # as Python 2 wrote it
        if not isinstance(data, bytes | bytearray) or len(data) != count * dtype.itemsize:
            raise UnpicklingError(f"an array of shape {shape} and type {dtype} without its bytes is refused")
        data = bytes(data)
    set_it: Any = np.ndarray.__setstate__  # its stub knows no tuples of our kind
    set_it(array, (1, shape, dtype, by_column is True or by_column == 1, data))


class Held:
    """Stands for the class of numpy's arrays, and makes none."""


def fresh(cls: Any = None, *_: Any) -> np.ndarray:
    """The empty array that numpy's pickles begin with."""
    if cls is not Held:
        raise UnpicklingError("an array of another class than numpy's is refused")
    return np.empty(0, np.int8)


def scalar(dtype: Any, data: Any = None) -> Any:
    """A number of numpy."""
    kind = real(dtype)
    data = data.encode("latin1") if isinstance(data, str) else data
    if kind.hasobject or not isinstance(data, bytes) or len(data) != kind.itemsize:
        raise UnpicklingError(f"a number of type {kind} without its bytes is refused")
    return np.frombuffer(data, kind)[0] if data else kind.type()


def from_buffer(data: Any, dtype: Any, shape: Any, order: Any = "C") -> np.ndarray:
    """An array over bytes, as protocol 5 writes it."""
    (shape, count), kind = counted(shape), real(dtype)
    if kind.hasobject or not isinstance(data, bytes | bytearray) or len(data) != count * kind.itemsize:
        raise UnpicklingError(f"an array of shape {shape} and type {kind} without its bytes is refused")
    if order not in ("C", "F", "A", "K"):
        raise UnpicklingError("an array in another order than C and F is refused")
    flat = np.frombuffer(data, kind) if data else np.empty(0, kind)
    return flat.reshape(shape, order="F" if order == "F" else "C")
