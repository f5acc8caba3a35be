"""Rows ``tx ty tz qx qy qz qw``, camera to world, scale free: DROID-SLAM, DPVO, WHAM and GVHMR save them alike.

DROID-SLAM: what ``terminate()`` returns, one row for each image it was shown. DPVO: the pair (poses, times) or its
first half. WHAM: ``slam_results.pth`` (joblib). GVHMR: ``slam.pt``; where it ran SimpleVO, the same file holds matrices
(:mod:`.simplevo`). Sources: princeton-vl/DROID-SLAM droid_slam/droid.py, princeton-vl/DPVO dpvo/dpvo.py,
yohanshin/WHAM demo.py, zju3dv/GVHMR tools/demo/demo.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..fields import numbers
from ..poses import read_pose7
from ..saved import SavedCameras

#: Names under which people keep the array in an ``.npz``.
KEYS = ("poses", "traj", "traj_est", "trajectory", "arr_0", "c2w", "slam", "pred_traj")
TIMES = ("tstamps", "timestamps", "stamps")


def find(content: Any) -> tuple[str, Any, Any]:
    """Key, array and image numbers (or None) of whatever container the rows came in; the array may be None."""
    if isinstance(content, Mapping):
        key = next((k for k in KEYS if k in content), None)
        if key is None and len(content) == 1:
            key = next(iter(content))
        times = next((content[k] for k in TIMES if k in content), None)
        return str(key), None if key is None else content[key], times
    if (
        isinstance(content, tuple | list)
        and len(content) == 2
        and np.ndim(content[0]) == 2
        and np.ndim(content[1]) == 1
    ):
        return "poses", content[0], content[1]
    return "poses", content, None


def read(content: Any, path: Path, quaternion: str, name: str) -> SavedCameras:
    """Raises BadInput naming file and key."""
    key, rows, times = find(content)
    poses = numbers(rows, path, key, None, 7)
    if is_static_fallback(poses):
        return _static(poses, path, name)
    R, t, solved = read_pose7(poses, quaternion, path, key, camera_to_world=True)
    stamps = None if times is None else numbers(times, path, "tstamps", len(poses))
    return SavedCameras(path, name, "camera to world", R, t, solved, numbers=stamps)


def is_static_fallback(poses: np.ndarray) -> bool:
    """Whether WHAM wrote these rows without running SLAM: it means the identity, but its 1 stands in the place of qx,
    which read as a pose turns the camera upside down."""
    return len(poses) > 0 and bool((poses == (0, 0, 0, 1, 0, 0, 0)).all())


def _static(poses: np.ndarray, path: Path, name: str) -> SavedCameras:
    count = len(poses)
    note = (
        f"{path}: WHAM ran without SLAM and wrote a placeholder for a camera that stands still "
        "(its 1 stands in the place of qx); the camera is taken to stand still"
    )
    R = np.broadcast_to(np.eye(3), (count, 3, 3)).copy()
    return SavedCameras(
        path, name, "camera to world", R, np.zeros((count, 3)), np.ones(count, bool),
        metric=True, static=True, notes=(note,),
    )  # fmt: skip
