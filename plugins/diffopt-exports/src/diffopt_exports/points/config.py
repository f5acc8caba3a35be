"""Settings of exporters ``csv`` and ``trc``."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from ..names import Names
from ..options import MotionOptions


class CsvConfig(MotionOptions):
    """A row a frame: ``frame``, ``time`` (s), and x, y, z of each joint. Metres and Y up unless told otherwise."""

    builds: ClassVar[str] = "diffopt_exports.points.csv_exporter:CsvExporter"

    names: Names = Field(default="smpl", description="names of the joints")
    decimals: int = Field(default=6, ge=1, le=12, description="of every number")


class TrcConfig(CsvConfig):
    """Joints as markers, for OpenSim and other biomechanics. Metres and Y up, as OpenSim's ground is."""

    builds: ClassVar[str] = "diffopt_exports.points.trc_exporter:TrcExporter"
