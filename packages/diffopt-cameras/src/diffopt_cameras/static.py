"""Camera ``static``: a fixed camera, checked on the images if there are any."""

from __future__ import annotations

from typing import ClassVar

from diffopt_core.config import ComponentConfig
from pydantic import Field, PositiveFloat


class StaticCameraConfig(ComponentConfig):
    """Background flow (px per second, at a longest side of 960) up to ``still`` is accepted, up to 3 px with a warning;
    above that it is an error unless ``force`` is set."""

    builds: ClassVar[str] = "diffopt_cameras.standstill:StaticCamera"
    retired: ClassVar = {"refuse": 3.0}

    still: PositiveFloat = Field(0.7, description="px at 960, background flow up to which the camera counts as static")
    force: bool = Field(False, description="use a static camera even if the images show motion")
    longest: int = Field(640, ge=160, description="px, longest side of the images used for the check")
