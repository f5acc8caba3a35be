"""Settings of renderer ``embree``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diffopt_core.config import ComponentConfig
from diffopt_core.errors import MissingResource
from pydantic import Field

if TYPE_CHECKING:
    from diffopt_core.interfaces import BuildContext, Renderer


class EmbreeConfig(ComponentConfig):
    """``samples``: rays through a pixel on an edge, a square number; other pixels take one."""

    samples: int = Field(default=9, ge=1, le=64, description="rays through a pixel on an edge")

    def build(self, ctx: BuildContext) -> Renderer:
        """Raises MissingResource without the package embreex."""
        try:
            import embreex  # noqa: F401
        except ImportError as error:
            raise MissingResource(
                "renderer 'embree' needs the package embreex (14 MB; x86-64 and Apple silicon): "
                'pip install "diffopt-render[embree]"'
            ) from error
        from .renderer import EmbreeRenderer

        return EmbreeRenderer(self.samples)
