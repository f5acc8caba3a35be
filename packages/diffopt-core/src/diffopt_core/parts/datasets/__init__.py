"""Datasets: what `diffopt run` can open. The rows name config classes; nothing heavy is imported here."""

from __future__ import annotations

from ...plugin import Component

_HERE = "diffopt_core.parts.datasets"

COMPONENTS: list[Component] = [
    Component(
        "dataset", "case", f"{_HERE}.configs:CaseConfig", "one clip's evidence as .npz: the project's own format"
    ),
    Component(
        "dataset", "amass", f"{_HERE}.configs:AmassConfig", "motion without video: AMASS, motion shards, motion.npz"
    ),
    Component("dataset", "video", f"{_HERE}.configs:VideoConfig", "a video file, or a folder of images"),
    Component(
        "dataset",
        "simulated",
        f"{_HERE}.configs:SimulatedConfig",
        "motion capture turned into a moving-camera case with truth",
    ),
]
