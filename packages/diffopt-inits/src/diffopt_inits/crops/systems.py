"""Initializers ``hmr2`` and ``vibe``: each system in its own environment, on the boxes of the person."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from diffopt_core.common.npz import write_npz
from diffopt_core.common.unpickle import read_foreign
from diffopt_core.errors import BadInput, MissingResource
from diffopt_core.perception.foreign import Needs
from diffopt_formats.fields import matrices, numbers

from ..readers.configs import VibeConfig
from .base import CropInitializer

HMR2_INSTALL = (
    "install 4D-Humans as its README says (github.com/shubham-goel/4D-Humans, `pip install -e .` in an environment of "
    "its own) and name that environment with --env PATH or --env conda:NAME; or give a result: --init hmr2=FILE.pkl"
)
HMR2_REMEDY = {
    "checkpoint": "fetch it with `diffopt weights get hmr2` and unpack it into ~/.cache/4DHumans, or name one with "
    "--set initializer.checkpoint=FILE (its model_config.yaml two folders up)",
    "smpl": "register at https://smpl.is.tue.mpg.de (non-commercial licence) and put the neutral model at "
    "~/.cache/4DHumans/data/smpl/SMPL_NEUTRAL.pkl",
}
VIBE_INSTALL = (
    "clone github.com/mkocabas/VIBE and install it as its README says (non-commercial licence; scripts/prepare_data.sh "
    "brings its data), then name the clone with --set initializer.repository=FOLDER and its environment with --env "
    "PATH or --env conda:NAME; or give a result: --init vibe=vibe_output.pkl"
)
VIBE_CHECKPOINT = Path("data/vibe_data/vibe_model_wo_3dpw.pth.tar")
SPIN_CHECKPOINT = Path("data/vibe_data/spin_model_checkpoint.pth.tar")
#: Files that VIBE needs besides its checkpoint, relative to its repository, and how to get them.
VIBE_DATA = {
    "lib/models/vibe.py": VIBE_INSTALL,
    str(SPIN_CHECKPOINT): "run scripts/prepare_data.sh in the clone",
    "data/vibe_data/SMPL_NEUTRAL.pkl": "run scripts/prepare_data.sh in the clone, or register at "
    "https://smpl.is.tue.mpg.de (non-commercial licence) and put the neutral model there",
}


class Hmr2Initializer(CropInitializer):
    """Implements :class:`diffopt_core.interfaces.Initializer`."""

    name, tool, uv = "hmr2", "HMR2.0", " (parts of it compile)"
    needs: ClassVar = Needs(name="hmr2", modules=("torch", "cv2", "hmr2"), how=HMR2_INSTALL)
    script: ClassVar = Path(__file__).with_name("hmr2_script.py")

    def job(self, folder: Path) -> dict[str, Any]:
        checkpoint = self._config.checkpoint
        return {"checkpoint": str(checkpoint.expanduser().absolute()) if checkpoint else None}

    def found(self, result: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        if "missing" in result:
            raise MissingResource(f"initializer hmr2: {result['why']}; {HMR2_REMEDY[str(result['missing'])]}")
        return result


class VibeInitializer(CropInitializer):
    """Implements :class:`diffopt_core.interfaces.Initializer`."""

    name, tool = "vibe", "VIBE"
    needs: ClassVar = Needs(name="vibe", modules=("torch", "cv2", "torchvision", "smplx"), how=VIBE_INSTALL)
    script: ClassVar = Path(__file__).with_name("vibe_script.py")
    _config: VibeConfig

    def job(self, folder: Path) -> dict[str, Any]:
        repository, checkpoint = self._files()
        spin = repository / SPIN_CHECKPOINT
        return {
            "repository": str(repository),
            "checkpoint": str(checkpoint),
            "weights": str(_weights(checkpoint, "gen_state_dict", "VIBE", folder)),
            "spin_checkpoint": str(spin),
            "spin": str(_weights(spin, "model", "SPIN", folder)),
        }

    def found(self, result: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        pose = matrices(numbers(Path("result of VIBE"), "pose", result["pose"], (None, 72)).reshape(-1, 24, 3))
        return {**result, "orient": pose[:, 0], "body_pose": pose[:, 1:]}

    def _files(self) -> tuple[Path, Path]:
        """Paths of repository and checkpoint. Raises MissingResource."""
        if self._config.repository is None:
            raise MissingResource(f"initializer vibe: {VIBE_INSTALL}")
        repository = self._config.repository.expanduser().absolute()
        for name, remedy in VIBE_DATA.items():
            if not (repository / name).is_file():
                raise MissingResource(f"initializer vibe: {repository / name} does not exist; {remedy}")
        given = self._config.checkpoint
        checkpoint = given.expanduser().absolute() if given else repository / VIBE_CHECKPOINT
        if not checkpoint.is_file():
            raise MissingResource(
                f"initializer vibe: there is no checkpoint at {checkpoint}; fetch it with `diffopt weights get vibe` "
                "and put it there, or name it with --set initializer.checkpoint=FILE"
            )
        return repository, checkpoint


def _weights(checkpoint: Path, key: str, of: str, folder: Path) -> Path:
    """Write only the arrays of a network: VIBE's own loader would execute the checkpoint's pickle."""
    held = read_foreign(checkpoint)
    state = held.get(key) if isinstance(held, dict) else None
    if not isinstance(state, dict):
        raise BadInput(checkpoint, key, f"is missing; expected a checkpoint of {of}")
    file = folder / f"{of}.npz"
    arrays = {
        str(name).removeprefix("module."): value for name, value in state.items() if isinstance(value, np.ndarray)
    }
    write_npz(file, arrays)
    return file
