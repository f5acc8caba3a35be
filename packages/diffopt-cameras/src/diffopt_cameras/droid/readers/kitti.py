"""KITTI's text format: the first three rows of the camera-to-world matrix, twelve numbers a line, one line a frame."""

from __future__ import annotations

from pathlib import Path

from ..poses import read_matrices
from ..saved import SavedCameras
from ..text import rows_of


def read(text: str, path: Path) -> SavedCameras:
    """Raises BadInput naming file and line."""
    T = rows_of(text, path, 12, "the 3 x 4 matrix, row by row").reshape(-1, 3, 4)
    R, t, solved = read_matrices(T[:, :, :3], T[:, :, 3], path, ("poses",), camera_to_world=True)
    return SavedCameras(path, "kitti", "camera to world", R, t, solved)
