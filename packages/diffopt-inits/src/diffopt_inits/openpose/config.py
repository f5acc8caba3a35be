"""Settings of the detector ``openpose``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from diffopt_core.config import ComponentConfig
from pydantic import NonNegativeInt


class OpenposeConfig(ComponentConfig):
    """``file``: OpenPose's output folder (``--write_json``), one ``*_keypoints.json`` a frame; BODY_25 or COCO.

    ``first``: the number that the video's first frame has in the files' names; by default the names tell.
    """

    builds: ClassVar[str] = "diffopt_inits.openpose.detector:OpenposeDetector"

    file: Path | None = None
    first: NonNegativeInt | None = None
