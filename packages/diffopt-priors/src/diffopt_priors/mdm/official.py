"""Published MDM checkpoints (trained on HumanML3D) as weight files of this program.

A checkpoint holds the bare state, or ``{"model": …, "model_avg": …}``. Its ``args.json`` holds the number of
diffusion steps; ``Mean.npy`` and ``Std.npy`` come from the HumanML3D repository. The result takes the official
features at 20 fps and is used without text: the unconditional branch of a text model.
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffopt_core.errors import BadInput
from torch import Tensor

from diffopt_priors.mdm import humanml3d, weights
from diffopt_priors.mdm.layout import DIM

#: Frames of the longest motion in HumanML3D.
WINDOW = 196
_HEADS = 4  # not in the state; the same in every published model
_DROPPED = ("sequence_pos_encoder.pe", "embed_timestep.sequence_pos_encoder.pe")


def read_state(path: Path) -> dict[str, Tensor]:
    """Weights of a transformer-encoder checkpoint under their official names."""
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, pickle.UnpicklingError) as error:
        raise BadInput(path, "file", f"not a readable checkpoint ({error})") from error
    state = loaded.get("model_avg") or loaded.get("model") or loaded
    state = {k: v for k, v in state.items() if k not in _DROPPED and not k.startswith("clip_model.")}
    if not any(k.startswith("seqTransEncoder.") for k in state):
        raise BadInput(path, "seqTransEncoder", "missing: only the transformer-encoder architecture is supported")
    return state


def network_settings(state: dict[str, Tensor]) -> dict[str, Any]:
    """Shape of the network, read off its weights."""
    width, channels = state["input_process.poseEmbedding.weight"].shape
    layers = {int(k.split(".")[2]) for k in state if k.startswith("seqTransEncoder.layers.")}
    return {
        "channels": int(channels),
        "width": int(width),
        "layers": len(layers),
        "heads": _HEADS,
        "feedforward": int(state["seqTransEncoder.layers.0.linear1.weight"].shape[0]),
        "text": "embed_text.weight" in state,
    }


def _statistics(folder: Path, name: str) -> list[float]:
    path = folder / name
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise BadInput(path, "file", f"cannot be read ({error}); it is in the HumanML3D repository") from error
    if values.shape != (DIM,) or not np.isfinite(values).all():
        raise BadInput(path, "shape", f"is {values.shape}, expected ({DIM},) finite numbers")
    return [float(v) for v in values]


def convert(checkpoint: Path, stats: Path, out: Path, steps: int | None = None) -> None:
    """Write ``out`` (.safetensors) and its card. ``steps``: diffusion steps, where no args.json says it."""
    state = read_state(checkpoint)
    settings = checkpoint.with_name("args.json")
    if steps is None:
        try:
            steps = int(json.loads(settings.read_text())["diffusion_steps"])
        except (OSError, ValueError, KeyError) as error:
            raise BadInput(settings, "diffusion_steps", f"cannot be read ({error}); give --steps") from error
    card = {
        "name": out.stem,
        "source": checkpoint.name,
        "terms": ["Trained on HumanML3D, hence on AMASS: non-commercial research only; see the licences of both."],
        "features": "humanml3d",
        "fps": humanml3d.FPS,
        "window": WINDOW,
        "network": network_settings(state),
        "diffusion": {"schedule": "cosine", "steps": steps, "sigma_data": None},
        "skeleton": {"offsets": [[0.0, 0.0, 0.0]] * 24},  # unused: the features carry their own skeleton
        "mean": _statistics(stats, "Mean.npy"),
        "std": _statistics(stats, "Std.npy"),
    }
    weights.build(card).network.load_state_dict(state)
    weights.save(out, state, card, torch.float32)
