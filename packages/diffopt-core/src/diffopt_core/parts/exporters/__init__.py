"""Ways to write a result. The rows name config classes; nothing heavy is imported here."""

from __future__ import annotations

from ...plugin import Component, fixed

_HERE = "diffopt_core.parts.exporters"

COMPONENTS: list[Component] = [
    fixed("exporter", "npz", f"{_HERE}.writers:NpzExporter", "motion.npz: arrays of motion, joints and camera"),
    fixed("exporter", "json", f"{_HERE}.writers:JsonExporter", "motion.json: the same as text, with the metrics"),
    fixed("exporter", "evidence", f"{_HERE}.writers:EvidenceExporter",
          "evidence.npz: keypoints, first motion and camera, losses: what reports and viewers show beside it"),
]  # fmt: skip
