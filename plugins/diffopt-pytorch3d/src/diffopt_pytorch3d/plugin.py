"""Components of this package."""

from __future__ import annotations

from collections.abc import Iterable

from diffopt_core.plugin import Component, hookimpl


@hookimpl
def diffopt_components() -> Iterable[Component]:
    """Listed even without PyTorch3D; `build` reports what is missing."""
    row = "PyTorch3D's rasteriser, for those who have built it"
    return [Component("renderer", "pytorch3d", "diffopt_pytorch3d.config:Pytorch3dConfig", row)]
