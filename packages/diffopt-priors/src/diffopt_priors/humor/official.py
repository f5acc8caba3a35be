"""Published HuMoR checkpoints: a torch file with the weights under ``model``, or the bare state.

Nothing in it is run: only tensors, plain containers and numpy's scalars (losses that the trainer noted) are let in.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffopt_core.errors import BadInput
from torch import Tensor

from diffopt_priors.humor.layout import FPS, SCALES
from diffopt_priors.mdm import checkpoint

SOURCE = "a HuMoR checkpoint comes from https://github.com/davrempe/humor (checkpoints/humor/best_model.pth)"
#: Frozen body models that the published class keeps beside the networks, and buffers of theirs.
_IGNORED = ("male_bm", "female_bm", "neutral_bm", "bm_dict", "smpl")
_SCALAR: Any = np.float64(0).__reduce__()[0]  # taken from numpy itself: its module was renamed in numpy 2
_NUMPY: list[Any] = [np.dtype, _SCALAR, *(type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8", "bool"))]
_NUMPY += [(_SCALAR, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]
#: Pelvis minus ``trans`` in published data, m: the pelvis of SMPL's mean shape, which its translation leaves out.
#: The model's own axes, unturned, as SMPL adds it.
ROOT_OFFSET = (0.0, -0.23, 0.03)


def read_state(path: Path) -> dict[str, Tensor]:
    """Weights under their published names, body models left out."""
    with torch.serialization.safe_globals(_NUMPY):
        loaded = checkpoint.read(path, SOURCE)
    state = loaded.get("model", loaded)
    if not isinstance(state, dict):
        raise BadInput(path, "model", f"a state dict expected, found {type(state).__name__}; {SOURCE}")
    tensors = {str(key).removeprefix("module."): value for key, value in state.items() if isinstance(value, Tensor)}
    return {key: value for key, value in tensors.items() if not key.startswith(_IGNORED)}


def card(path: Path) -> dict[str, Any]:
    """What the published weights mean."""
    return {
        "name": path.stem,
        "source": path.name,
        "terms": ["Trained on AMASS: non-commercial research only; see the licence of AMASS. HuMoR's code is MIT."],
        "fps": FPS,
        "root_offset": list(ROOT_OFFSET),
        "scales": dict(SCALES),
    }
