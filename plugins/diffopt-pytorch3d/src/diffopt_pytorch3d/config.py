"""Settings of renderer ``pytorch3d``."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from diffopt_core.config import ComponentConfig
from diffopt_core.errors import MissingResource
from pydantic import Field

if TYPE_CHECKING:
    from diffopt_core.interfaces import BuildContext

_BUILD = (
    'pip install --no-build-isolation "git+https://github.com/facebookresearch/pytorch3d.git@stable" builds it against '
    "the torch that is here (a C++ compiler, and nvcc for the GPU; half an hour on one core); "
    "or take --renderer gl or embree"
)


class Pytorch3dConfig(ComponentConfig):
    """``samples``: looks a pixel along each side, averaged; 1 has jagged edges."""

    builds: ClassVar[str] = "diffopt_pytorch3d.renderer:Pytorch3dRenderer"

    samples: int = Field(default=2, ge=1, le=4, description="samples along each side of a pixel")

    def build(self, ctx: BuildContext) -> Any:
        """Raises MissingResource without PyTorch3D, or with one that was built without its extension."""
        if find_spec("pytorch3d") is None:
            raise MissingResource(f"renderer 'pytorch3d' needs PyTorch3D, which has no wheels: {_BUILD}")
        if find_spec("pytorch3d._C") is None:
            raise MissingResource(
                "renderer 'pytorch3d': PyTorch3D is here without its compiled extension (pytorch3d._C), which draws: "
                f"{_BUILD}"
            )
        return super().build(ctx)
