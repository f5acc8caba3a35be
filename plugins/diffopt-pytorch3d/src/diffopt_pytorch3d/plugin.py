"""Renderer ``pytorch3d``: its settings, and what this package offers to the host. No torch here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from diffopt_core.config import ComponentConfig
from diffopt_core.plugin import Component, hookimpl, run_against
from pydantic import Field

_BUILD = (
    'pip install --no-build-isolation "git+https://github.com/facebookresearch/pytorch3d.git" builds it against '
    "the installed torch (2.8 works; needs a C++ compiler, and nvcc for the GPU; up to an hour on one core); "
    "or use --renderer gl or embree"
)


class Pytorch3dConfig(ComponentConfig):
    """``samples``: supersampling factor per pixel side; 1 gives jagged edges."""

    builds: ClassVar[str] = "diffopt_pytorch3d.renderer:Pytorch3dRenderer"

    samples: int = Field(default=2, ge=1, le=4, description="samples along each side of a pixel")

    packages: ClassVar = {
        "pytorch3d": f"renderer 'pytorch3d' needs PyTorch3D, which has no wheels: {_BUILD}",
        "pytorch3d._C": "renderer 'pytorch3d': PyTorch3D is installed without "
        f"its compiled extension (pytorch3d._C): {_BUILD}",
    }


@hookimpl
def diffopt_components() -> Iterable[Component]:
    """Listed even without PyTorch3D; `build` reports what is missing."""
    row = "PyTorch3D's rasteriser, for those who have built it"
    upstream = run_against("PyTorch3D", "9381c40")
    return [Component("renderer", "pytorch3d", "diffopt_pytorch3d.plugin:Pytorch3dConfig", row, upstream=upstream)]
