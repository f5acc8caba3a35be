"""What the clip's file holds already, the choice between that and a component that reads images, and no prior: with
these alone the core runs, whatever else is installed."""

from __future__ import annotations

from ...plugin import Component, fixed

COMPONENTS: list[Component] = [
    Component(
        "detector",
        "auto",
        f"{__name__}.components:AutoDetectorConfig",
        "given, or for a video the default of what is installed",
    ),
    Component(
        "camera",
        "auto",
        f"{__name__}.components:AutoCameraConfig",
        "given, or for a video the default of what is installed",
    ),
    Component(
        "initializer",
        "auto",
        f"{__name__}.components:AutoInitializerConfig",
        "given, or for a video the default of what is installed",
    ),
    fixed("detector", "given", f"{__name__}.components:GivenDetector", "the keypoints of the clip's file"),
    fixed("camera", "given", f"{__name__}.components:GivenCamera", "the camera of the clip's file"),
    fixed("initializer", "given", f"{__name__}.components:GivenBody", "the body of the clip's file"),
    Component("prior", "none", f"{__name__}.components:NoPriorConfig", "no prior"),
]
