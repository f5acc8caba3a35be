"""SLAHMR's ``cameras.npz``: WORLD TO CAMERA (TRAM's are the other way round), scale free.

``w2c`` (N 4 4), ``intrins`` (N 4): fx fy cx cy, px; ``width``, ``height``, ``focal``. Its ``cameras.json`` is made for
its viewer and is refused (:mod:`..sniff`). Source: vye16/slahmr slahmr/preproc/run_slam.py, slahmr/data/dataset.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..fields import numbers, take
from ..poses import read_matrices, split_matrices
from ..saved import SavedCameras


def read(content: Any, path: Path) -> SavedCameras:
    """Raises BadInput naming file and key."""
    T = take(content, path, "w2c", None, 4, 4)
    R, t, solved = read_matrices(*split_matrices(T, path, "w2c"), path, ("w2c",), camera_to_world=False)
    size = None
    if "width" in content and "height" in content:
        width, height = (int(numbers(content[key], path, key)) for key in ("width", "height"))
        size = (width, height)
    focal = centre = None
    key = "intrins"
    if key in content:
        rows = np.asarray(content[key], dtype=np.float64)
        rows = numbers(
            np.broadcast_to(rows, (len(T), *rows.shape[-1:])) if rows.ndim == 1 else rows, path, key, len(T), 4
        )
        focal, centre = rows[:, :2], rows[:, 2:]
    elif "focal" in content:
        key = "focal"
        focal = np.full((len(T), 2), float(numbers(content[key], path, key)))
    return SavedCameras(
        path, "slahmr", "world to camera", R, t, solved,
        focal=focal, centre=centre, size=size, intrinsics_key=key,
    )  # fmt: skip
