"""Exporter ``npz``: ``motion.npz``, the result that other programs read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config import ComponentConfig

if TYPE_CHECKING:
    from ..interfaces import BuildContext, Exporter


class NpzConfig(ComponentConfig):
    """No settings."""

    def build(self, ctx: BuildContext) -> Exporter:
        from .npz_writer import NpzExporter

        return NpzExporter()
