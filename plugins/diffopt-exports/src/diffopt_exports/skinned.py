"""What formats with a skinned mesh have in common: their options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from .names import Names
from .options import MotionOptions

if TYPE_CHECKING:
    from diffopt_core.saved import Surface

    from .performance import Performance


class SkinnedOptions(MotionOptions):
    """Options of GLB, USD and FBX besides the common ones."""

    names: Names = Field(default="smpl", description="names of the joints")
    mesh: Literal["body", "bones"] = Field(
        default="body", description="body: its own mesh (bones where it has none); bones: drawn round the skeleton"
    )
    camera: bool = Field(default=True, description="write the camera, too")


def surface_of(performance: Performance, options: SkinnedOptions) -> Surface:
    """The mesh that the options ask for. Raises MissingResource."""
    return performance.bones() if options.mesh == "bones" else performance.surface()
