"""How large words and marks are drawn."""

from __future__ import annotations


def type_size(size: tuple[int, int]) -> int:
    """px, for an image of this size (width, height)."""
    return max(10, round(min(0.026 * size[1], 0.045 * size[0]) + 2))
