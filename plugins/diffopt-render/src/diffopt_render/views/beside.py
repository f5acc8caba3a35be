"""Panels side by side, and pictures of several results as one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from ..look.colours import EMPTY
from ..look.ground import plain
from .panel import Panel


class BesidePanel:
    """Panels of one height, from left to right."""

    def __init__(self, panels: Sequence[Panel]):
        self._panels = list(panels)
        self.size = (sum(panel.size[0] for panel in panels), panels[0].size[1])

    def images(self, frames: Sequence[int]) -> Iterator[np.ndarray]:
        """See :class:`.panel.Panel`."""
        for parts in zip(*(panel.images(frames) for panel in self._panels), strict=True):
            yield joined(parts)


def joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Images of one height side by side, with a seam between them."""
    whole = np.concatenate(parts, axis=1)
    seams = np.cumsum([part.shape[1] for part in parts])[:-1]
    whole[:, np.concatenate([seams - 1, seams])] = 255
    return whole


def tiled(parts: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Images of one size as one, row by row; places that are left over stay dark."""
    height, width = parts[0].shape[:2]
    rows = math.ceil(len(parts) / columns)
    whole = plain((columns * width, rows * height), EMPTY)
    for number, part in enumerate(parts):
        top, left = number // columns * height, number % columns * width
        whole[top : top + height, left : left + width] = part
    return whole


def together(streams: Sequence[Iterator[np.ndarray]], columns: int) -> Iterator[np.ndarray]:
    """Images of several results; one that ends before the others stays as it ended."""
    last: list[np.ndarray | None] = [None] * len(streams)
    while True:
        new = [next(stream, None) for stream in streams]
        if all(image is None for image in new):
            return
        last = [image if image is not None else old for image, old in zip(new, last, strict=True)]
        yield tiled([image for image in last if image is not None], columns)
