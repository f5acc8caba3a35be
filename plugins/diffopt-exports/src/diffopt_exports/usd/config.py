"""Settings of exporter ``usd``. Needs the package usd-core, which is not installed with this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from diffopt_core.errors import MissingResource

from ..skinned import SkinnedOptions

if TYPE_CHECKING:
    from diffopt_core.interfaces import BuildContext


class UsdConfig(SkinnedOptions):
    """``up`` and ``unit`` also go into the stage as ``upAxis`` and ``metersPerUnit``. Metres and Y up otherwise."""

    builds: ClassVar[str] = "diffopt_exports.usd.exporter:UsdExporter"

    def build(self, ctx: BuildContext) -> Any:
        try:
            import pxr  # noqa: F401
        except ImportError as error:
            raise MissingResource(
                "exporter 'usd' needs the package usd-core (208 MB, TOST-1.0 licence), which is not installed: "
                'pip install "diffopt-exports[usd]", or pip install usd-core'
            ) from error
        return super().build(ctx)
