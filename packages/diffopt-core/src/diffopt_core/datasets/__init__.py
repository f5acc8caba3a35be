"""What `diffopt run` can open. The rows name config classes; nothing heavy is imported here."""

from __future__ import annotations

from ..plugin import Component

_HERE = "diffopt_core.datasets"

COMPONENTS: list[Component] = [
    Component("dataset", "case", f"{_HERE}.case:CaseConfig", "one clip's evidence as .npz: the project's own format"),
    Component(
        "dataset", "amass", f"{_HERE}.amass:AmassConfig", "motion without a video: AMASS, motion shards, motion.npz"
    ),
    Component("dataset", "video", f"{_HERE}.video:VideoConfig", "a video file, or a folder of images"),
    Component(
        "dataset", "simulated", f"{_HERE}.simulated:SimulatedConfig", "motion in, moving-camera case with truth out"
    ),
]
