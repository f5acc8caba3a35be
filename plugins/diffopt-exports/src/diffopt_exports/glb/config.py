"""Settings of exporter ``glb``. glTF knows one orientation (Y up) and one unit (metre)."""

from __future__ import annotations

from typing import ClassVar

from ..skinned import SkinnedOptions


class GlbConfig(SkinnedOptions):
    """``up`` and ``unit`` have no effect: glTF says Y up and metres, and readers turn and scale themselves."""

    builds: ClassVar[str] = "diffopt_exports.glb.exporter:GlbExporter"
