"""Settings of the initializer ``lift``, and where its weights are found. No torch."""

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
    """A network on 2D keypoints, and on the detector's 3D landmarks where there are any.

    ``weights``: shipped ones by name (``open``), or a file of ``diffopt train lift``. ``fuse``: an initializer whose
    poses are read as evidence too, and towards which joints are kept halfway (``given``: the body of the clip's file;
    ``auto``: whatever the clip brings). ``body``: whose mean skeleton gives the lengths in metres, unless the clip
    brings ``rest_joints``.
    """

    builds: ClassVar[str] = "diffopt_inits.lift.initializer:LiftInitializer"

    weights: str = "open"
    fuse: str | None = None
    body: str = "anny24"

    def terms_of_use(self) -> str:
        """Those of the motion that the weights were trained on."""
        return LIFT.terms(self.weights)
