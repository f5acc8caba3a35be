"""Settings of renderer ``gl``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diffopt_core.config import ComponentConfig
from pydantic import Field

if TYPE_CHECKING:
    from diffopt_core.interfaces import BuildContext, Renderer


class GlConfig(ComponentConfig):
    """``device``: which of the machine's EGL devices, where there are several. ``samples``: looks a pixel, for smooth
    edges; fewer where the driver has fewer."""

    device: int = Field(default=0, ge=0, description="number of the EGL device (GPU)")
    samples: int = Field(default=8, ge=1, le=32, description="samples a pixel")

    def build(self, ctx: BuildContext) -> Renderer:
        """Raises MissingResource where no context can be opened."""
        from .context import open_context
        from .renderer import GlRenderer

        return GlRenderer(open_context(self.device), self.samples)
