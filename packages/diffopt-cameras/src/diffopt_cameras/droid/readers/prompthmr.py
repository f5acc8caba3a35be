"""PromptHMR's ``results.pkl`` (joblib). Camera to world, metric.

``camera_world``: ``Rwc`` (N 3 3), ``Twc`` (N 3), +Y up, floor at 0; where it is missing, ``camera``: ``pred_cam_R``,
``pred_cam_T`` in the frame of the first camera. ``img_focal``, ``img_center``: px of the images that it worked on,
which it scales down to 896 px of height. Source: yufu-wang/PromptHMR pipeline/pipeline.py, pipeline/world.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffopt_core.errors import BadInput

from ..fields import describe, take
from ..poses import read_matrices
from ..saved import SavedCameras
from .tram import intrinsics


def read(content: Any, path: Path) -> SavedCameras:
    """Raises BadInput naming file and key."""
    if not isinstance(content, Mapping):
        raise BadInput(path, "camera", f"is missing; the file holds {describe(content)}")
    level = isinstance(content.get("camera_world"), Mapping) and "Rwc" in content["camera_world"]
    where, keys = ("camera_world", ("Rwc", "Twc")) if level else ("camera", ("pred_cam_R", "pred_cam_T"))
    camera = content.get(where)
    R = take(camera, path, keys[0], None, 3, 3)
    t = take(camera, path, keys[1], len(R), 3)
    assert isinstance(camera, Mapping)
    named = [f"{where}.{key}" for key in keys]
    R, t, solved = read_matrices(R, t, path, named, camera_to_world=True)
    focal, centre = intrinsics(camera, path, len(R))
    return SavedCameras(
        path, "prompthmr", "camera to world", R, t, solved, focal=focal, centre=centre,
        intrinsics_key=f"{where}.img_focal", metric=True, level=level,
    )  # fmt: skip
