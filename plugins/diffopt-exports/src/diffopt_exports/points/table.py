"""Joints over time as rows of text: what CSV and TRC share."""

from __future__ import annotations

from typing import IO

import numpy as np

from ..orient import Axes
from ..performance import Performance


def joint_rows(performance: Performance, axes: Axes, first: int) -> np.ndarray:
    """Frame number (from ``first``), seconds, and x y z of each joint in ``axes``: ``[T 2+3J]``."""
    frames = np.arange(performance.num_frames)
    places = axes.points(performance.joints).reshape(len(frames), -1)
    return np.c_[frames + first, frames / performance.fps, places]


def write_rows(file: IO[bytes], rows: np.ndarray, decimals: int, separator: str) -> None:
    """The rows as text: a whole number, then numbers with so many decimals."""
    np.savetxt(file, rows, ["%d", *[f"%.{decimals}f"] * (rows.shape[1] - 1)], separator)
