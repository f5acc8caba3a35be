"""Camera ``static``: it stands still. Checked on the images, where there are any."""

from __future__ import annotations

from typing import ClassVar

from diffopt_core.config import ComponentConfig
from pydantic import Field, PositiveFloat


class StaticCameraConfig(ComponentConfig):
    """The background may move by ``still`` px per second (at a longest side of 960) without a word, and by 3 px with a
    warning; beyond that the camera is refused unless ``force`` is set."""

    builds: ClassVar[str] = "diffopt_cameras.standstill:StaticCamera"
    retired: ClassVar = {"refuse": 3.0}

    still: PositiveFloat = Field(0.7, description="px at 960, background flow up to which the camera stands still")
    force: bool = Field(False, description="take it for still whatever the images say")
    longest: int = Field(640, ge=160, description="px, longest side at which the check is made")
