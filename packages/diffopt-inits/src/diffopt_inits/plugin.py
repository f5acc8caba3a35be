"""What this package offers to the host."""

from __future__ import annotations

from collections.abc import Iterable

from diffopt_core.plugin import Component, hookimpl


@hookimpl
def diffopt_components() -> Iterable[Component]:
    """The initializers and datasets of this package."""
    return [
        Component(
            "dataset",
            "landmarks",
            "diffopt_inits.landmarks:LandmarksDatasetConfig",
            "BlazePose landmarks of a video, 2D and 3D (*.landmarks.npz)",
        ),
        Component(
            "initializer",
            "landmarks",
            "diffopt_inits.landmarks:LandmarksInitializerConfig",
            "inverse kinematics from 3D landmarks",
        ),
    ]
