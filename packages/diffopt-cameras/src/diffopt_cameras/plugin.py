"""What this package offers to the host."""

from __future__ import annotations

from collections.abc import Iterable

from diffopt_core.plugin import Component, WeightFile, fixed, hookimpl

_HERE = "diffopt_cameras"


@hookimpl
def diffopt_components() -> Iterable[Component]:
    """The camera sources of this package."""
    return [
        *(
            Component("camera", name, f"{_HERE}.{config}", summary, default_for="video" if name == "klt" else None)
            for name, config, summary in (
                ("klt", "klt.config:KltConfig", "tracks on the background: rotation, odometry or colmap"),
                ("static", "static:StaticCameraConfig", "a camera that stands still, checked on the images"),
                ("colmap", "colmap.config:ColmapConfig", "structure from motion by pycolmap"),
                ("droid", "droid.config:DroidConfig", "DROID-SLAM, or the cameras that a SLAM system saved"),
            )
        ),
        fixed("camera", "gt", f"{_HERE}.gt:TrueCamera", "the true camera of a clip that has a truth"),
    ]


@hookimpl
def diffopt_weights() -> Iterable[WeightFile]:
    """Files for the camera sources of this package."""
    from .weight_files import WEIGHTS

    return WEIGHTS
