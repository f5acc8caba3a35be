"""What every reader of this folder gives: the cameras of a file, in one convention, before they meet the clip."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class SavedCameras:
    """N cameras, ``x_cam = R x_world + t`` (N 3 3, N 3; double precision), in the order of the file.

    ``solved``: rows that hold a pose (the others are NaN or empty in the file). ``numbers``: the number that the
    file gives each image, None where row i simply is image i; ``seconds``: times instead of numbers; ``names``:
    image names. ``keyframes``: only some frames were ever solved. ``focal``, ``centre``: px, N 2, of an image of
    ``size`` (width, height; None where the file does not say). ``intrinsics_key``: where they stand in the file.
    ``metric``, ``level``: as in :class:`diffopt_core.types.CameraTrajectory`. ``static``: the file says that the
    camera does not move. ``notes``: what the user should hear.
    """

    path: Path
    format: str
    direction: str
    R: np.ndarray
    t: np.ndarray
    solved: np.ndarray
    numbers: np.ndarray | None = None
    seconds: np.ndarray | None = None
    names: tuple[str, ...] | None = None
    keyframes: bool = False
    focal: np.ndarray | None = None
    centre: np.ndarray | None = None
    size: tuple[int, int] | None = None
    intrinsics_key: str = ""
    metric: bool = False
    level: bool = False
    static: bool = False
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.R)
