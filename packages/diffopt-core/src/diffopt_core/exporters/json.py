"""Exporter ``json``: ``motion.json``, for programs that read no NumPy files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ..config import ComponentConfig

if TYPE_CHECKING:
    from ..interfaces import BuildContext, Exporter


class JsonConfig(ComponentConfig):
    """``decimals``: of every number. Five keep a hundredth of a millimetre."""

    decimals: int = Field(default=5, ge=0, le=12)

    def build(self, ctx: BuildContext) -> Exporter:
        from .json_writer import JsonExporter

        return JsonExporter(self.decimals)
