"""Settings of the free tensors."""

from __future__ import annotations

from typing import ClassVar, Literal

from ..config import ComponentConfig


class RawConfig(ComponentConfig):
    """Pose, orientation and translation of every frame as free tensors that start at the initial motion (Table 5,
    "learnable params").

    ``trans``: positions, or a first position and the steps from frame to frame (``velocity``, m a frame), whose
    sum moves the whole path with one step of the optimiser.
    """

    builds: ClassVar[str] = "diffopt_core.representations.free_tensors:FreeTensors"

    trans: Literal["position", "velocity"] = "position"
