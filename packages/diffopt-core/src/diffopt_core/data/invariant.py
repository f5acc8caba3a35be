"""Operations whose numbers for one clip do not depend on the other clips of its batch.

On a CPU, torch computes the last elements of a tensor (fewer than 32) by another implementation of the same function,
and a matrix product the last rows (fewer than 4, of a small matrix) by another kernel. So the last bits of a clip's
numbers would depend on where it lies in the batch, and a solve amplifies last bits to millimetres.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import pad

#: Elements that torch's vectorised loops take at once; rows that are a multiple of the kernels' blocks.
_ELEMENTS, _ROWS = 32, 8


def elementwise(function: Callable[..., Tensor], *values: Tensor) -> Tensor:
    """``function`` of tensors of one shape, element by element."""
    first = values[0]
    more = -first.numel() % _ELEMENTS
    if not more or first.device.type != "cpu":
        return function(*values)
    return function(*(pad(value.flatten(), (0, more), value=1.0) for value in values))[:-more].view(first.shape)


def by_rows(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """``function`` of a matrix whose rows are independent (linear layers), ``... N D`` to ``... N E``."""
    rows = x.flatten(0, -2)
    more = -len(rows) % _ROWS
    if not more or x.device.type != "cpu":
        return function(x)
    return function(pad(rows, (0, 0, 0, more)))[: len(rows)].unflatten(0, x.shape[:-1])


def product(weight: Tensor, x: Tensor, bias: Tensor | None = None) -> Tensor:
    """``weight x + bias`` of every clip, ``N out in``, ``N in T`` and ``N out 1`` to ``N out T``."""
    more = -weight.shape[1] % _ROWS if x.device.type == "cpu" else 0
    below = (0, 0, 0, more)
    if more:
        weight, bias = pad(weight, below), None if bias is None else pad(bias, below)
    out = torch.bmm(weight, x) if bias is None else torch.baddbmm(bias, weight, x)
    return out[:, :-more] if more else out


def atan2(y: Tensor, x: Tensor) -> Tensor:
    """The angle (rad) of the vector ``(x, y)``."""
    return elementwise(torch.atan2, y, x)
