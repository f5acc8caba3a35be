"""Settings of the detector ``openpose``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from diffopt_core.config import ComponentConfig
from pydantic import NonNegativeInt

if TYPE_CHECKING:
    from diffopt_core.interfaces import BuildContext

    from .detector import OpenposeDetector


class OpenposeConfig(ComponentConfig):
    """``file``: OpenPose's output folder (``--write_json``), one ``*_keypoints.json`` a frame; BODY_25 or COCO.

    ``first``: the number that the video's first frame has in the files' names; by default the names tell.
    """

    file: Path | None = None
    first: NonNegativeInt | None = None

    def build(self, ctx: BuildContext) -> OpenposeDetector:
        from .detector import OpenposeDetector

        return OpenposeDetector(self)
