"""Settings of the dataset and the initializer ``landmarks``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from diffopt_core.config import ComponentConfig
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt


class LandmarksDatasetConfig(ComponentConfig):
    """How a ``*.landmarks.npz`` is read.

    ``fps``: true frame rate where the file's is wrong (slow motion). ``focal``: px at the image's full width,
    instead of the file's. ``key_width``: image width at which the key frames' camera was solved, px, for who solved
    them at another. ``truth``: truth file; by default ``<stem>.truth.npz`` beside the landmarks, where there is one.
    ``static``: take the camera to stand still where the file holds none, even if a truth knows better.
    """

    builds: ClassVar[str] = "diffopt_inits.landmark_file:LandmarksDataset"

    fps: PositiveFloat | None = None
    focal: PositiveFloat | None = None
    key_width: PositiveInt = 960
    truth: Path | None = None
    static: bool = False


class LandmarksInitializerConfig(ComponentConfig):
    """Inverse kinematics from 3D landmarks.

    ``body``: whose mean rest skeleton and landmark points are fitted, unless the clip brings ``rest_joints``.
    ``steps``: Adam steps that refine the analytic pose (0: leave it). ``pixels``: weight of the 2D landmarks
    beside the 3D directions. ``acceleration``: that of a point of the body that still passes as motion and not
    as noise, m/s^2.
    """

    builds: ClassVar[str] = "diffopt_inits.initializer:LandmarksInitializer"
    retired: ClassVar = {"path_acceleration": 10.0}

    body: str = "anny24"
    steps: NonNegativeInt = 30
    pixels: NonNegativeFloat = 1.0
    acceleration: PositiveFloat = 40.0
