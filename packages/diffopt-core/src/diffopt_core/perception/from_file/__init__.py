"""What the clip's file holds already, the choice between that and a component that reads images, and no prior: with
these alone the core runs, whatever else is installed."""

from __future__ import annotations

from ...plugin import Component, fixed

_HERE = f"{__name__}.components"
_AUTO = "given, or for a video the default of what is installed"

COMPONENTS: list[Component] = [
    Component("detector", "auto", f"{_HERE}:AutoVideoConfig", _AUTO, sets={"builds": f"{_HERE}:AutoDetector"}),
    Component("camera", "auto", f"{_HERE}:AutoVideoConfig", _AUTO, sets={"builds": f"{_HERE}:AutoCamera"}),
    Component("initializer", "auto", f"{_HERE}:AutoInitializerConfig", _AUTO),
    fixed("detector", "given", f"{_HERE}:GivenDetector", "the keypoints of the clip's file"),
    fixed("camera", "given", f"{_HERE}:GivenCamera", "the camera of the clip's file"),
    fixed("initializer", "given", f"{_HERE}:GivenBody", "the body of the clip's file"),
    Component("prior", "none", f"{_HERE}:NoPriorConfig", "no prior"),
]
