"""Initializers that read the result files of other systems: ``--init wham=wham_output.pkl``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from diffopt_core.config import ComponentConfig
from diffopt_core.errors import MissingResource
from pydantic import NonNegativeInt


class ResultConfig(ComponentConfig):
    """``file``: the result. ``smpl``: your SMPL or SMPL-X model file (the system's body model), for the exact pelvis
    (else the environment variable DIFFOPT_SMPL, else the mean shape)."""

    builds: ClassVar[str] = "diffopt_inits.readers.body:ResultInitializer"
    #: The system, and the usual name of its result file.
    name: ClassVar[str]
    usual: ClassVar[str]

    file: Path | None = None
    smpl: Path | None = None

    def named_file(self) -> Path:
        """The file. Raises MissingResource if none is named."""
        if self.file is None:
            raise MissingResource(
                f"initializer '{self.name}' reads a result file: name it with --init {self.name}=FILE ({self.usual})"
            )
        return self.file


class Sam3dConfig(ResultConfig):
    """``file``: people of SAM 3D Body by frame. Its body is MHR, not SMPL: the pose is computed from its 3D keypoints
    with the initializer ``landmarks``, at the mean shape. ``smpl`` has no effect. ``steps``: option of that
    initializer."""

    builds: ClassVar[str] = "diffopt_inits.readers.sam3d_initializer:Sam3dInitializer"
    name: ClassVar[str] = "sam3d"
    usual: ClassVar[str] = "the estimator's outputs by frame, as .pkl, .npy or .npz"

    steps: NonNegativeInt = 80
