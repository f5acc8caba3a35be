"""Settings of the dataset and the initializer ``landmarks``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from diffopt_core.config import ComponentConfig
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt


class LandmarksDatasetConfig(ComponentConfig):
    """How a ``*.landmarks.npz`` is read.

    ``fps``: true frame rate if the file's is wrong (slow motion). ``focal``: px at the image's full width, instead of
    the file's. ``key_width``: image width at which the key frames' camera was estimated, px, if it differs. ``truth``:
    truth file; by default ``<stem>.truth.npz`` beside the landmarks, if it exists. ``static``: assume a static camera
    if the file has none, even if the truth has a moving one.
    """

    builds: ClassVar[str] = "diffopt_inits.landmark_file:LandmarksDataset"

    fps: PositiveFloat | None = None
    focal: PositiveFloat | None = None
    key_width: PositiveInt = 960
    truth: Path | None = None
    static: bool = False


class LandmarksInitializerConfig(ComponentConfig):
    """Inverse kinematics from 3D landmarks.

    ``body``: body model of the mean rest skeleton and landmark points, unless the clip has ``rest_joints``. ``steps``:
    Adam steps that refine the analytic pose (0: none). ``pixels``: weight of the 2D landmarks relative to the 3D
    directions. ``acceleration``: standard deviation of the acceleration of points of the body, m/s^2; lower values
    smooth more.
    """

    builds: ClassVar[str] = "diffopt_inits.initializer:LandmarksInitializer"
    retired: ClassVar = {"path_acceleration": 10.0}

    body: str = "anny24"
    steps: NonNegativeInt = 120
    pixels: NonNegativeFloat = 1.0
    acceleration: PositiveFloat = 25.0
