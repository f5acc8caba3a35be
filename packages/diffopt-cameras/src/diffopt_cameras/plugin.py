"""What this package offers to the host."""

from __future__ import annotations

from collections.abc import Iterable

from diffopt_core.plugin import Component, hookimpl


@hookimpl
def diffopt_components() -> Iterable[Component]:
    """The camera sources of this package."""
    return [
        Component("camera", "gt", "diffopt_cameras.gt:TrueCameraConfig", "the true camera of a clip that has a truth"),
    ]
