"""Weight files: safetensors with the published names, and a JSON card.

A published checkpoint (``best_model.pth``) is read directly, without executing code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffopt_core.errors import BadInput
from diffopt_core.perception.weights.cards import compare, listed
from torch import Tensor

from diffopt_priors import checkpoint
from diffopt_priors.cards import HUMOR_WEIGHTS
from diffopt_priors.humor.network import FPS, GROUPS, LATENT, SCALES, SIZES, STATE, HuMoR, hidden_of

_PUBLISHED = "a HuMoR checkpoint comes from https://github.com/davrempe/humor (checkpoints/humor/best_model.pth)"
#: Body models and buffers in published checkpoints, which are not part of the networks.
_IGNORED = ("male_bm", "female_bm", "neutral_bm", "bm_dict", "smpl")
#: Pelvis minus ``trans`` in published data, m: the rest pelvis of SMPL's mean shape, in the model's own axes.
ROOT_OFFSET = (0.0, -0.23, 0.03)


def read_state(path: Path) -> dict[str, Tensor]:
    """Weights with their published names, without body models."""
    loaded = checkpoint.read(path, _PUBLISHED)
    state = loaded.get("model", loaded)
    if not isinstance(state, dict):
        raise BadInput(path, "model", f"is a {type(state).__name__}; expected a state dict; {_PUBLISHED}")
    tensors = {str(key).removeprefix("module."): value for key, value in state.items() if isinstance(value, Tensor)}
    return {key: value for key, value in tensors.items() if not key.startswith(_IGNORED)}


def card_of(path: Path) -> dict[str, Any]:
    """Card of the published weights."""
    return {
        "name": path.stem,
        "source": path.name,
        "terms": ["Trained on AMASS: non-commercial research only; see the licence of AMASS. HuMoR's code is MIT."],
        "fps": FPS,
        "root_offset": list(ROOT_OFFSET),
        "scales": dict(SCALES),
    }


def check(path: Path, state: dict[str, Tensor]) -> HuMoR:
    """A model with the state's widths and weights. Raises BadInput if the state is not HuMoR's."""
    for net, inputs in (("encoder", 2 * STATE), ("prior_net", STATE), ("decoder", STATE + LATENT)):
        key = f"{net}.net.0.weight"
        if key not in state:
            expected = "HuMoR has the networks encoder.net.*, prior_net.net.* and decoder.net.*"
            raise BadInput(
                path, key, f"missing: {expected}; found {listed(sorted(state)) or 'nothing'}; {HUMOR_WEIGHTS.source}"
            )
        if state[key].dim() != 2 or state[key].shape[1] != inputs:
            problem = f"has shape {list(state[key].shape)}, expected [width, {inputs}]"
            raise BadInput(path, key, f"{problem} ({STATE} numbers a state, {LATENT} latents); {HUMOR_WEIGHTS.source}")
    hidden = hidden_of(state)
    for net, widths in hidden.items():
        if not widths or any(width % GROUPS for width in widths):
            raise BadInput(
                path, f"{net}.net", f"hidden widths {widths}; expected multiples of {GROUPS}; {HUMOR_WEIGHTS.source}"
            )
    model = HuMoR(hidden)
    compare(path, state, model.state_dict(), HUMOR_WEIGHTS.source)
    model.load_state_dict(state)
    return model


def load(path: Path) -> tuple[HuMoR, dict[str, Any]]:
    """Frozen model in evaluation mode (float32, CPU) and its card."""
    if path.suffix in HUMOR_WEIGHTS.published:
        state, card = read_state(path), card_of(path)
    else:
        state, card = _read(path)
    model = check(path, {key: value.float() for key, value in state.items()})
    return model.eval().requires_grad_(False), card


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read weights and check the card."""
    about = path.with_suffix(".json")
    state, card = HUMOR_WEIGHTS.read(path)
    if set(card.get("scales", {})) != set(SIZES) or len(card.get("root_offset", ())) != 3 or "fps" not in card:
        raise BadInput(about, "scales", f"fps, root_offset (3) and scales of {', '.join(SIZES)} expected")
    return state, card


def save(path: Path, state: dict[str, Tensor], card: dict[str, Any]) -> None:
    """Write weights and card, each atomically. Half precision, except the first layers, which contain the normalisation
    and need more digits."""
    kept = {key: value.to(torch.float32 if ".net.0." in key else torch.float16) for key, value in state.items()}
    HUMOR_WEIGHTS.write(path, kept, card)
