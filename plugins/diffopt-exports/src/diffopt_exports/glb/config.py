"""Settings of exporter ``glb``. glTF knows one orientation (Y up) and one unit (metre)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..skinned import SkinnedOptions

if TYPE_CHECKING:
    from diffopt_core.interfaces import BuildContext, Exporter


class GlbConfig(SkinnedOptions):
    """``up`` and ``unit`` have no effect: glTF says Y up and metres, and readers turn and scale themselves."""

    def build(self, ctx: BuildContext) -> Exporter:
        from .exporter import GlbExporter

        return GlbExporter(self)
