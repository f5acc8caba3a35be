"""What the clip's file holds already, and no prior: with these alone the core runs, whatever else is installed."""

from __future__ import annotations

from ..plugin import Component

COMPONENTS: list[Component] = [
    Component("detector", "given", f"{__name__}.detector:GivenDetectorConfig", "the keypoints of the clip's file"),
    Component("camera", "given", f"{__name__}.camera:GivenCameraConfig", "the camera of the clip's file"),
    Component("initializer", "given", f"{__name__}.initializer:GivenBodyConfig", "the body of the clip's file"),
    Component("prior", "none", f"{__name__}.no_prior:NoPriorConfig", "no prior"),
]
