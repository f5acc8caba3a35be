"""Settings of renderer ``embree``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from diffopt_core.config import ComponentConfig
from diffopt_core.errors import MissingResource
from pydantic import Field

if TYPE_CHECKING:
    from diffopt_core.interfaces import BuildContext


class EmbreeConfig(ComponentConfig):
    """``samples``: rays through a pixel on an edge, a square number; other pixels take one."""

    builds: ClassVar[str] = "diffopt_render.embree.renderer:EmbreeRenderer"

    samples: int = Field(default=9, ge=1, le=64, description="rays through a pixel on an edge")

    def build(self, ctx: BuildContext) -> Any:
        """Raises MissingResource without the package embreex."""
        try:
            import embreex  # noqa: F401
        except ImportError as error:
            raise MissingResource(
                "renderer 'embree' needs the package embreex (14 MB; x86-64 and Apple silicon): "
                'pip install "diffopt-render[embree]"'
            ) from error
        return super().build(ctx)
