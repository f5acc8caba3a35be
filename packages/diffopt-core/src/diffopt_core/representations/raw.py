"""Settings of the free tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ..config import ComponentConfig

if TYPE_CHECKING:
    from ..interfaces import ProblemContext, Representation


class RawConfig(ComponentConfig):
    """Pose, orientation and translation of every frame as free tensors that start at the initial motion (Table 5,
    "learnable params").

    ``trans``: positions, or a first position and the steps from frame to frame (``velocity``, m a frame), whose
    sum moves the whole path with one step of the optimiser.
    """

    trans: Literal["position", "velocity"] = "position"

    def build(self, ctx: ProblemContext) -> Representation:
        from .free_tensors import FreeTensors

        return FreeTensors(self, ctx)
