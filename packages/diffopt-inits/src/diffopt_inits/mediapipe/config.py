"""Settings of the detector ``mediapipe``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from diffopt_core.config import ComponentConfig
from pydantic import Field


class MediapipeConfig(ComponentConfig):
    """BlazePose: 33 keypoints, 3D landmarks in metres and a mask of the person, frame by frame.

    ``backend`` ``solutions`` is MediaPipe 0.10.21, whose wheel contains its models (``complexity`` 1); ``tasks`` is the
    current Tasks API, which needs a model bundle: ``model``, or the one that ``diffopt weights get
    pose-landmarker-full`` downloads (lite, full, heavy for ``complexity`` 0, 1, 2). ``env``: environment for MediaPipe;
    by default ``--env``, else one that uv builds.
    """

    licence: ClassVar[str] = "MediaPipe and its BlazePose models: Apache-2.0 (Google)"
    builds: ClassVar[str] = "diffopt_inits.mediapipe.detector:MediapipeDetector"
    retired: ClassVar = {"tracking_confidence": 0.5}
    runs: ClassVar = frozenset({"env"})

    backend: Literal["solutions", "tasks"] = "solutions"
    model: Path | None = Field(default=None, description="bundle (.task) of the backend tasks")
    complexity: Literal[0, 1, 2] = 1
    env: str | None = Field(default=None, description="uv, here, conda:NAME or a path; default: --env, then uv")
    detection_confidence: float = Field(default=0.5, ge=0, le=1, description="least score of a new detection")
    longest: int = Field(default=1280, ge=160, description="longer side of the images that MediaPipe sees, px")
