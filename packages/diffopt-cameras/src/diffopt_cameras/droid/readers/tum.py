"""TUM's text format, as DPVO, ORB-SLAM and ``evo`` write it: ``time tx ty tz qx qy qz qw``, camera to world.

The time is a number of the image (DPVO) or seconds; lines that begin with # are comments. Early DPVO wrote its
quaternions as y z w x (option ``quaternion``). Source: princeton-vl/DPVO demo.py, dpvo/plot_utils.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from diffopt_core.errors import BadInput

from ..poses import read_pose7
from ..saved import SavedCameras
from ..text import rows_of


def read(text: str, path: Path, quaternion: str, name: str = "tum") -> SavedCameras:
    """Raises BadInput naming file and line."""
    rows = rows_of(text, path, 8, "time tx ty tz qx qy qz qw")
    times = rows[:, 0]
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise BadInput(path, "time", "the first column does not increase from line to line")
    R, t, solved = read_pose7(rows[:, 1:], quaternion, path, "poses", camera_to_world=True)
    counts = bool((times == np.round(times)).all()) and times[0] < 1e6
    numbers, seconds = (times, None) if counts else (None, times)
    return SavedCameras(path, name, "camera to world", R, t, solved, numbers=numbers, seconds=seconds)
