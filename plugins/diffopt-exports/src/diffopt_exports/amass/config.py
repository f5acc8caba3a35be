"""Settings of exporter ``amass``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from ..options import MotionOptions

if TYPE_CHECKING:
    from diffopt_core.interfaces import BuildContext, Exporter


class AmassConfig(MotionOptions):
    """Z up and metres, as AMASS is; 156 columns, of which those of the fingers are zero."""

    gender: Literal["neutral", "female", "male"] | None = Field(
        default=None, description="what the file says; null: that of the body model"
    )
    betas: Literal["own", "zero"] = Field(
        default="own", description="own: the shape that the joints have; zero: the mean shape of whatever body reads it"
    )

    def build(self, ctx: BuildContext) -> Exporter:
        from .exporter import AmassExporter

        return AmassExporter(self)
