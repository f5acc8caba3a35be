"""Exporter ``json``: ``motion.json``, for programs that read no NumPy files."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from ...config import ComponentConfig


class JsonConfig(ComponentConfig):
    """``decimals``: of every number. Five keep a hundredth of a millimetre."""

    builds: ClassVar[str] = "diffopt_core.parts.exporters.writers:JsonExporter"

    decimals: int = Field(default=5, ge=0, le=12)
