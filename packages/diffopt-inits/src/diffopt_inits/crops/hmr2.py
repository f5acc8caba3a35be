"""Initializer ``hmr2``: runs the package ``hmr2`` in its own environment on the boxes of the person."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from diffopt_core.errors import MissingResource
from diffopt_core.perception.foreign import Needs

from .base import CropInitializer

INSTALL = (
    "install 4D-Humans as its README says (github.com/shubham-goel/4D-Humans, `pip install -e .` in an environment of "
    "its own) and name that environment with --env PATH or --env conda:NAME; or give a result: --init hmr2=FILE.pkl"
)
REMEDY = {
    "checkpoint": "fetch it with `diffopt weights get hmr2` and unpack it into ~/.cache/4DHumans, or name one with "
    "--set initializer.checkpoint=FILE (its model_config.yaml two folders up)",
    "smpl": "register at https://smpl.is.tue.mpg.de (non-commercial licence) and put the neutral model at "
    "~/.cache/4DHumans/data/smpl/SMPL_NEUTRAL.pkl",
}


class Hmr2Initializer(CropInitializer):
    """Implements :class:`diffopt_core.interfaces.Initializer`."""

    name, tool, uv = "hmr2", "HMR2.0", " (parts of it compile)"
    needs: ClassVar = Needs(name="hmr2", modules=("torch", "cv2", "hmr2"), how=INSTALL)
    script: ClassVar = Path(__file__).with_name("hmr2_script.py")

    def job(self, folder: Path) -> dict[str, Any]:
        checkpoint = self._config.checkpoint
        return {"checkpoint": str(checkpoint.expanduser().absolute()) if checkpoint else None}

    def found(self, result: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        if "missing" in result:
            raise MissingResource(f"initializer hmr2: {result['why']}; {REMEDY[str(result['missing'])]}")
        return result
