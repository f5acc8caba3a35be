"""Settings of the initializers that read result files of other systems, ``--init wham=wham_output.pkl``; ``hmr2`` and
``vibe`` also run theirs. No torch here."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from diffopt_core.config import ComponentConfig
from diffopt_core.errors import MissingResource
from pydantic import NonNegativeInt, PositiveInt


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


class CropConfig(ResultConfig):
    """A result file; without ``file`` the system runs on the person's boxes."""

    runs: ClassVar = frozenset({"env", "checkpoint"})
    #: The class that runs the system.
    runner: ClassVar[str]

    env: str | None = None
    checkpoint: Path | None = None
    batch: PositiveInt = 16

    def target(self) -> str:
        """The reader of a file, or the class that runs the system."""
        return self.builds if self.file else self.runner


class Hmr2Config(CropConfig):
    """HMR2.0 (Goel et al. 2023) from a result file, or run on the person's boxes.

    ``file``: a result of PHALP or 4D-Humans' ``track.py`` (``results/*.pkl``). ``smpl``: your SMPL model file, for the
    exact pelvis. Without ``file`` the package ``hmr2`` runs in ``env`` (a path, ``conda:NAME``, ``here``; by default
    the value of ``--env``): ``checkpoint``, by default where 4D-Humans stores it; ``batch``: people per batch.
    """

    licence: ClassVar[str] = "HMR2.0: MIT (code); needs SMPL, Max Planck non-commercial research licence"
    name: ClassVar[str] = "hmr2"
    usual: ClassVar[str] = "a result of PHALP or of 4D-Humans, results/*.pkl"
    runner: ClassVar[str] = "diffopt_inits.crops.systems:Hmr2Initializer"


class VibeConfig(CropConfig):
    """VIBE (Kocabas et al. 2020) from a result file, or run on the person's boxes.

    ``file``: ``vibe_output.pkl``. ``smpl``: your SMPL model file, for the exact pelvis. Without ``file`` VIBE runs in
    ``env`` (a path, ``conda:NAME``, ``here``; by default the value of ``--env``) from its ``repository``, the folder of
    the clone with its ``data/vibe_data``; ``checkpoint``, by default the one trained without 3DPW there; ``batch``:
    length of the sequences for its recurrent network, frames.
    """

    licence: ClassVar[str] = "VIBE and SMPL: Max Planck non-commercial research licences"
    name: ClassVar[str] = "vibe"
    usual: ClassVar[str] = "vibe_output.pkl"
    runs: ClassVar = frozenset({"env", "repository", "checkpoint"})
    runner: ClassVar[str] = "diffopt_inits.crops.systems:VibeInitializer"

    repository: Path | None = None
    batch: PositiveInt = 450
