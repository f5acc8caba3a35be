"""Exporter ``evidence``: ``evidence.npz``, what a viewer or a report needs besides the motion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config import ComponentConfig

if TYPE_CHECKING:
    from ..interfaces import BuildContext, Exporter


class EvidenceConfig(ComponentConfig):
    """No settings."""

    def build(self, ctx: BuildContext) -> Exporter:
        from .evidence_writer import EvidenceExporter

        return EvidenceExporter()
