"""Detector ``given``: the keypoints that the clip's file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import BadInput

if TYPE_CHECKING:
    from ..types import Clip, Observations


class GivenDetector:
    """Implements :class:`diffopt_core.interfaces.Detector`."""

    def detect(self, clip: Clip) -> Observations:
        """The clip's keypoints as they are; BadInput for a clip without any."""
        if clip.observations is None:
            raise BadInput(
                clip.path or clip.name, "keypoints", "the clip holds none; choose a detector (--detector NAME)"
            )
        return clip.observations
