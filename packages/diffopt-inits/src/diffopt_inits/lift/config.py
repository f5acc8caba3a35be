"""Settings of the initializer ``lift``, and its weight files. No torch."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from diffopt_core.config import ComponentConfig
from diffopt_core.perception.weights.cards import OwnWeights

LIFT = OwnWeights(
    "lift", Path(__file__).parent / "weights", {"format": 1},
    "`diffopt train lift --data FOLDER --out FOLDER` writes the .safetensors and its .json card together",
    kind="initializer",
)  # fmt: skip


class LiftConfig(ComponentConfig):
    """The lifting network on 2D keypoints and, if the detector gives them, 3D landmarks.

    ``weights``: name of shipped weights (``open``), or a file of ``diffopt train lift``. ``fuse``: an initializer whose
    poses are a further input, and whose joints are averaged with the network's (``given``: the body of the clip's file;
    ``auto``: whatever the clip has). ``body``: body model of the mean skeleton, which sets the metric size unless the
    clip has ``rest_joints``.
    """

    builds: ClassVar[str] = "diffopt_inits.lift.initializer:LiftInitializer"

    weights: str = "open"
    fuse: str | None = None
    body: str = "anny24"

    def terms_of_use(self) -> str:
        """Terms of the motion data that the weights were trained on."""
        return LIFT.terms(self.weights)
