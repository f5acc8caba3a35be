"""Settings of the detector ``openpose``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from diffopt_core.config import ComponentConfig
from pydantic import NonNegativeInt


class OpenposeConfig(ComponentConfig):
    """``file``: OpenPose's output folder (``--write_json``), one ``*_keypoints.json`` per frame; BODY_25 or COCO.
    ``first``: number of the video's first frame in the file names; by default it is inferred.
    """

    builds: ClassVar[str] = "diffopt_inits.openpose.detector:OpenposeDetector"

    file: Path | None = None
    first: NonNegativeInt | None = None
