"""Settings of exporters ``csv`` and ``trc``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ..names import Names
from ..options import MotionOptions

if TYPE_CHECKING:
    from diffopt_core.interfaces import BuildContext, Exporter


class CsvConfig(MotionOptions):
    """A row a frame: ``frame``, ``time`` (s), and x, y, z of each joint. Metres and Y up unless told otherwise."""

    names: Names = Field(default="smpl", description="names of the joints")
    decimals: int = Field(default=6, ge=1, le=12, description="of every number")

    def build(self, ctx: BuildContext) -> Exporter:
        from .csv_exporter import CsvExporter

        return CsvExporter(self)


class TrcConfig(CsvConfig):
    """Joints as markers, for OpenSim and other biomechanics. Metres and Y up, as OpenSim's ground is."""

    def build(self, ctx: BuildContext) -> Exporter:
        from .trc_exporter import TrcExporter

        return TrcExporter(self)
