"""Weight files: safetensors under the published names, and a JSON card that says what they mean.

A published checkpoint (``.pth``) is read as it is, with the card of :mod:`diffopt_priors.humor.official`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffopt_core.errors import BadInput
from diffopt_core.perception.weights.cards import compare, listed
from torch import Tensor

from diffopt_priors.cards import HUMOR_WEIGHTS
from diffopt_priors.humor.layout import LATENT, SIZES, STATE
from diffopt_priors.humor.network import GROUPS, HuMoR, hidden_of


def check(path: Path, state: dict[str, Tensor]) -> HuMoR:
    """A model of the state's own widths that holds it. Raises BadInput that says what is not HuMoR's about it."""
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
                path, f"{net}.net", f"hidden widths {widths}, multiples of {GROUPS} expected; {HUMOR_WEIGHTS.source}"
            )
    model = HuMoR(hidden)
    compare(path, state, model.state_dict(), HUMOR_WEIGHTS.source)
    model.load_state_dict(state)
    return model


def load(path: Path) -> tuple[HuMoR, dict[str, Any]]:
    """Frozen model in evaluation mode (float32, CPU) and its card."""
    if path.suffix in HUMOR_WEIGHTS.published:
        from diffopt_priors.humor import official

        state, card = official.read_state(path), official.card(path)
    else:
        state, card = _read(path)
    model = check(path, {key: value.float() for key, value in state.items()})
    return model.eval().requires_grad_(False), card


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights and checked card."""
    about = path.with_suffix(".json")
    state, card = HUMOR_WEIGHTS.read(path)
    if set(card.get("scales", {})) != set(SIZES) or len(card.get("root_offset", ())) != 3 or "fps" not in card:
        raise BadInput(about, "scales", f"fps, root_offset (3) and scales of {', '.join(SIZES)} expected")
    return state, card


def save(path: Path, state: dict[str, Tensor], card: dict[str, Any]) -> None:
    """Write weights and card; each file is replaced in one step. Half precision, but for the first layers: they carry
    the statistics of the data, differences of nearly equal numbers among them."""
    kept = {key: value.to(torch.float32 if ".net.0." in key else torch.float16) for key, value in state.items()}
    HUMOR_WEIGHTS.write(path, kept, card)
