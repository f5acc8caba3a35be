"""SimpleVO, GVHMR's substitute for DPVO: ``T_w2c`` (L 4 4), world to camera, each step of unit length or none.

Source: zju3dv/GVHMR hmr4d/utils/preproc/relpose/simple_vo.py. It solves every eighth frame and interpolates itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..fields import numbers
from ..poses import read_matrices, split_matrices
from ..saved import SavedCameras


def read(content: Any, path: Path, name: str = "simplevo") -> SavedCameras:
    """Raises BadInput naming file and key."""
    key, value = "T_w2c", content
    if isinstance(content, Mapping):
        key = key if key in content else str(next(iter(content), key))
        value = content.get(key)
    T = numbers(value, path, key, None, 4, 4)
    R, t, solved = read_matrices(*split_matrices(T, path, key), path, (key,), camera_to_world=False)
    return SavedCameras(path, name, "world to camera", R, t, solved)
