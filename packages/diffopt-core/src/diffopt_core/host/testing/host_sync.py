"""Finds, on a CPU, the operations that would make the host wait for an accelerator, or feed it anew at every step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

#: Operations whose result, or its shape, the host must read.
_READS = {
    "aten::_local_scalar_dense",
    "aten::is_nonzero",
    "aten::nonzero",
    "aten::masked_select",
    "aten::unique_dim",
    "aten::_unique2",
    "aten::unique_consecutive",
    "aten::equal",
}
_METHODS = ("item", "tolist", "numpy", "cpu", "__bool__", "__float__", "__int__", "__index__")


#: ``x[...]`` and ``x[...] = y``: a list among the indices becomes a tensor of the host's, copied at every call.
_INDEXED = ("__getitem__", "__setitem__")


class HostSync(AssertionError):
    """The code under test read a tensor's value on the host, or copied numbers of the host's to the device."""


class _Watch(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name
        if name == "aten::lift_fresh":
            raise HostSync("torch.tensor(...) copies numbers from the host at every step; make it once, outside")
        if name in _READS:
            raise HostSync(f"{name} makes the host wait for the device")
        if name in ("aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"):
            for index in args[1]:
                if isinstance(index, Tensor) and index.dtype in (torch.bool, torch.uint8):
                    raise HostSync("indexing with a mask makes the host wait for its count; use torch.where")
        return func(*args, **(kwargs or {}))


@contextmanager
def forbid_host_sync() -> Iterator[None]:
    """Raise :class:`HostSync` where the body reads a tensor's value: ``.item()``, ``bool(tensor)``, ``.cpu()``,
    ``tensor[mask]``, ``nonzero`` and their like, or makes a tensor of plain numbers: ``torch.tensor``, a list as an
    index. Such steps cannot be recorded (executor ``cudagraph``). Use it round code that the solver's loop calls."""
    kept = {name: getattr(Tensor, name) for name in (*_METHODS, *_INDEXED)}

    def refuse(name: str) -> Any:
        def refused(self: Tensor, *args: Any, **kwargs: Any) -> Any:
            raise HostSync(f"Tensor.{name} makes the host wait for the device")

        return refused

    def indexed(name: str) -> Any:
        def checked(self: Tensor, index: Any, *args: Any) -> Any:
            if any(
                isinstance(part, list | tuple | range) for part in (index if isinstance(index, tuple) else (index,))
            ):
                raise HostSync("a list as an index is copied from the host at every step; use slices or a kept tensor")
            return kept[name](self, index, *args)

        return checked

    for name in _METHODS:
        setattr(Tensor, name, refuse(name))
    for name in _INDEXED:
        setattr(Tensor, name, indexed(name))
    try:
        with _Watch():
            yield
    finally:
        for name, method in kept.items():
            setattr(Tensor, name, method)
