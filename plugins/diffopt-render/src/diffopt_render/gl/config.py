"""Settings of renderer ``gl``."""

from __future__ import annotations

from typing import ClassVar

from diffopt_core.config import ComponentConfig
from pydantic import Field


class GlConfig(ComponentConfig):
    """``device``: which of the machine's EGL devices, where there are several. ``samples``: looks a pixel, for smooth
    edges; fewer where the driver has fewer."""

    builds: ClassVar[str] = "diffopt_render.gl.renderer:GlRenderer"

    device: int = Field(default=0, ge=0, description="number of the EGL device (GPU)")
    samples: int = Field(default=8, ge=1, le=32, description="samples a pixel")
