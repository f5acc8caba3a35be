"""TRAM: ``camera.npy`` (a pickled dict) and the ``.npz`` of its EMDB script. Camera to world, metric.

``pred_cam_R`` (N 3 3), ``pred_cam_T`` (N 3); ``img_focal``, ``img_center``: px. The EMDB files also have
``world_cam_R``, ``world_cam_T``: the same cameras turned so that +Y is up; they are read where they are there.
Source: yufu-wang/tram scripts/estimate_camera.py, scripts/emdb/run_cam.py, lib/camera/est_gravity.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.errors import BadInput

from ..fields import take
from ..poses import read_matrices
from ..saved import SavedCameras


def read(content: Any, path: Path) -> SavedCameras:
    """Raises BadInput naming file and key."""
    level = isinstance(content, Mapping) and "world_cam_R" in content
    keys = ("world_cam_R", "world_cam_T") if level else ("pred_cam_R", "pred_cam_T")
    R = take(content, path, keys[0], None, 3, 3)
    t = take(content, path, keys[1], len(R), 3)
    still = not (np.ptp(R, 0).any() or np.ptp(t, 0).any()) and len(R) > 1
    R, t, solved = read_matrices(R, t, path, keys, camera_to_world=True)
    focal, centre = intrinsics(content, path, len(R))
    note = (f"{path}: its camera does not move at all (TRAM was told, or found, that it stands still)",)
    return SavedCameras(
        path, "tram", "camera to world", R, t, solved, focal=focal, centre=centre,
        intrinsics_key="img_focal", metric=True, level=level, static=still, notes=note if still else (),
    )  # fmt: skip


def intrinsics(content: Mapping[str, Any], path: Path, count: int) -> tuple[np.ndarray | None, np.ndarray | None]:
    """``img_focal`` and ``img_center`` for each of ``count`` images (N 2), None where one is missing."""
    focal = centre = None
    if "img_focal" in content:
        value = np.asarray(content["img_focal"], dtype=np.float64).reshape(-1)
        if value.size not in (1, 2):
            raise BadInput(path, "img_focal", f"holds {value.size} numbers, expected one")
        focal = np.broadcast_to(value, (count, 2)).copy()
    if "img_center" in content:
        value = np.asarray(content["img_center"], dtype=np.float64).reshape(-1)
        if value.size != 2:
            raise BadInput(path, "img_center", f"holds {value.size} numbers, expected two")
        centre = np.broadcast_to(value, (count, 2)).copy()
    return focal, centre
