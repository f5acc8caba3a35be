"""Initializers that read the result files of other systems: ``--init wham=wham_output.pkl``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from diffopt_core.config import ComponentConfig
from diffopt_core.errors import MissingResource
from pydantic import NonNegativeInt

if TYPE_CHECKING:
    from diffopt_core.interfaces import BuildContext, Initializer


class ResultConfig(ComponentConfig):
    """``file``: the result. ``smpl``: the body-model file of the user, SMPL's or SMPL-X's as the system has it, for
    the exact place of the pelvis (else the environment variable DIFFOPT_SMPL, else the mean shape's)."""

    name: ClassVar[str]
    usual: ClassVar[str]

    file: Path | None = None
    smpl: Path | None = None

    def named_file(self) -> Path:
        """The file; MissingResource where none is named."""
        if self.file is None:
            raise MissingResource(
                f"initializer '{self.name}' reads a result that exists: name it with --init {self.name}=FILE "
                f"({self.usual})"
            )
        return self.file

    def build(self, ctx: BuildContext) -> Initializer:
        file = self.named_file()
        from .initializer import ResultInitializer

        return ResultInitializer(self.name, file, self.smpl)


class WhamConfig(ResultConfig):
    __doc__ = ResultConfig.__doc__
    name: ClassVar[str] = "wham"
    usual: ClassVar[str] = "wham_output.pkl, written with --save_pkl"


class GvhmrConfig(ResultConfig):
    __doc__ = ResultConfig.__doc__
    name: ClassVar[str] = "gvhmr"
    usual: ClassVar[str] = "hmr4d_results.pt of GVHMR, smpl_params.pt of GEM"


class TramConfig(ResultConfig):
    __doc__ = ResultConfig.__doc__
    name: ClassVar[str] = "tram"
    usual: ClassVar[str] = "hps/hps_track_0.npy or the folder results/SEQUENCE"


class SlahmrConfig(ResultConfig):
    __doc__ = ResultConfig.__doc__
    name: ClassVar[str] = "slahmr"
    usual: ClassVar[str] = "motion_chunks/..._world_results.npz, or a folder of track_preds"


class GlamrConfig(ResultConfig):
    __doc__ = ResultConfig.__doc__
    name: ClassVar[str] = "glamr"
    usual: ClassVar[str] = "SEQUENCE_seed1.pkl"


class PromptHmrConfig(ResultConfig):
    __doc__ = ResultConfig.__doc__
    name: ClassVar[str] = "prompthmr"
    usual: ClassVar[str] = "results.pkl"


class Sam3dConfig(ResultConfig):
    """``file``: people of SAM 3D Body by frame. Its body is MHR and not SMPL: the pose is found anew from its 3D
    keypoints by the initializer ``landmarks``, at the mean shape. ``smpl`` has no effect. ``steps``: of that."""

    name: ClassVar[str] = "sam3d"
    usual: ClassVar[str] = "the estimator's outputs by frame, as .pkl, .npy or .npz"

    steps: NonNegativeInt = 80

    def build(self, ctx: BuildContext) -> Initializer:
        file = self.named_file()
        from .sam3d_initializer import Sam3dInitializer

        body = ctx.build("body", "anny24", {})
        kinematics = ctx.build("initializer", "landmarks", {"steps": self.steps, "body": "anny24"})
        return Sam3dInitializer(file, kinematics, body)
