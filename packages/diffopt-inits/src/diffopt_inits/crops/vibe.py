"""Initializer ``vibe``: runs VIBE from its repository, in its own environment, on the boxes of the person."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from diffopt_core.common.npz import write_npz
from diffopt_core.common.unpickle import read_foreign
from diffopt_core.errors import BadInput, MissingResource
from diffopt_core.perception.foreign import Needs
from diffopt_formats.fields import matrices, numbers

from .base import CropInitializer
from .configs import VibeConfig

INSTALL = (
    "clone github.com/mkocabas/VIBE and install it as its README says (non-commercial licence; scripts/prepare_data.sh "
    "brings its data), then name the clone with --set initializer.repository=FOLDER and its environment with --env "
    "PATH or --env conda:NAME; or give a result: --init vibe=vibe_output.pkl"
)
CHECKPOINT = Path("data/vibe_data/vibe_model_wo_3dpw.pth.tar")
#: Files that VIBE needs besides its checkpoint, relative to its repository, and how to get them.
DATA = {
    "lib/models/vibe.py": INSTALL,
    "data/vibe_data/spin_model_checkpoint.pth.tar": "run scripts/prepare_data.sh in the clone",
    "data/vibe_data/SMPL_NEUTRAL.pkl": "run scripts/prepare_data.sh in the clone, or register at "
    "https://smpl.is.tue.mpg.de (non-commercial licence) and put the neutral model there",
}


class VibeInitializer(CropInitializer):
    """Implements :class:`diffopt_core.interfaces.Initializer`."""

    name, tool = "vibe", "VIBE"
    needs: ClassVar = Needs(name="vibe", modules=("torch", "cv2", "torchvision", "smplx"), how=INSTALL)
    script: ClassVar = Path(__file__).with_name("vibe_script.py")
    _config: VibeConfig

    def job(self, folder: Path) -> dict[str, Any]:
        repository, checkpoint = self._files()
        return {"repository": str(repository), "weights": str(_weights(checkpoint, folder))}

    def found(self, result: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        pose = matrices(numbers(Path("result of VIBE"), "pose", result["pose"], (None, 72)).reshape(-1, 24, 3))
        return {**result, "orient": pose[:, 0], "body_pose": pose[:, 1:]}

    def _files(self) -> tuple[Path, Path]:
        """Paths of repository and checkpoint. Raises MissingResource."""
        if self._config.repository is None:
            raise MissingResource(f"initializer vibe: {INSTALL}")
        repository = self._config.repository.expanduser().absolute()
        for name, remedy in DATA.items():
            if not (repository / name).is_file():
                raise MissingResource(f"initializer vibe: {repository / name} does not exist; {remedy}")
        given = self._config.checkpoint
        checkpoint = given.expanduser().absolute() if given else repository / CHECKPOINT
        if not checkpoint.is_file():
            raise MissingResource(
                f"initializer vibe: there is no checkpoint at {checkpoint}; fetch it with `diffopt weights get vibe` "
                "and put it there, or name it with --set initializer.checkpoint=FILE"
            )
        return repository, checkpoint


def _weights(checkpoint: Path, folder: Path) -> Path:
    """Write only the network's arrays: VIBE's own loader would execute the checkpoint's pickle."""
    held = read_foreign(checkpoint)
    state = held.get("gen_state_dict") if isinstance(held, dict) else None
    if not isinstance(state, dict):
        raise BadInput(checkpoint, "gen_state_dict", "is missing; expected a checkpoint of VIBE")
    file = folder / "vibe.npz"
    write_npz(file, {str(key): value for key, value in state.items() if isinstance(value, np.ndarray)})
    return file
