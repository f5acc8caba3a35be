"""Settings of exporter ``amass``."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from ..options import MotionOptions


class AmassConfig(MotionOptions):
    """Z up and metres, as AMASS is; 156 columns, of which those of the fingers are zero."""

    builds: ClassVar[str] = "diffopt_exports.amass.exporter:AmassExporter"

    gender: Literal["neutral", "female", "male"] | None = Field(
        default=None, description="what the file says; null: that of the body model"
    )
    betas: Literal["own", "zero"] = Field(
        default="own", description="own: the shape that the joints have; zero: the mean shape of whatever body reads it"
    )
