"""Geman-McClure (Barron 2019; eq. 8 of the paper)."""

from __future__ import annotations

from typing import TypeVar

from torch import Tensor

_Width = TypeVar("_Width", float, Tensor)


def geman_mcclure(squared: Tensor, width: _Width) -> Tensor:
    """``w^2 e^2 / (w^2 + e^2)`` of squared errors: ``e^2`` when small, at most ``w^2``. Units of ``squared``."""
    limit = width * width
    return limit * squared / (limit + squared)


def maybe_robust(squared: Tensor, width: float | None) -> Tensor:
    """:func:`geman_mcclure`, or the squared errors as they are where there is no width."""
    return squared if width is None else geman_mcclure(squared, width)
