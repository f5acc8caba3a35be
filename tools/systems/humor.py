"""HuMoR: its three networks at their published size, from its own checkpoint."""

from __future__ import annotations

import sys
import types
from typing import Any

import numpy as np
from upstream import Place, Row

PARTS = ("prior_mean", "prior_variance", "posterior_mean", "posterior_variance", "next", "contacts")
ROW = Row(
    "HuMoR",
    "github.com/davrempe/humor",
    ("torch", "scipy"),
    replaced={"BodyModel": "makes meshes"},
    tolerance={part: 1e-5 for part in PARTS},
)
COUNT = 5


def _model(place: Place, seed: int) -> Any:
    """Upstream's class, with the arguments of its configurations."""
    import torch

    sys.path.insert(0, str(place.source / "humor"))
    sys.modules["body_model.body_model"] = types.SimpleNamespace(BodyModel=None)
    from models.humor_model import HumorModel

    torch.manual_seed(seed)
    return HumorModel(in_rot_rep="mat", out_rot_rep="aa", latent_size=48, steps_in=1).eval()


def _inputs(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two states N 339 with proper rotations, and latents N 48."""
    draw = np.random.default_rng(seed)
    states = draw.normal(0, 0.3, (2, COUNT, 339))
    turns = np.linalg.qr(draw.normal(size=(2, COUNT, 22, 3, 3)))[0]
    turns *= np.sign(np.linalg.det(turns))[..., None, None]
    states[..., 6:15], states[..., 18:207] = turns[:, :, 0].reshape(2, COUNT, 9), turns[:, :, 1:].reshape(2, COUNT, 189)
    past, after = states.astype(np.float32)
    return past, after, draw.normal(size=(COUNT, 48)).astype(np.float32)


def make(place: Place) -> None:
    """``best_model.pth`` as its own ``save_state`` writes it, with the optimizer."""
    import torch

    network = _model(place, place.seed)
    from utils.torch import save_state

    save_state(str(place.folder / "best_model.pth"), network, torch.optim.Adamax(network.parameters()), cur_epoch=199)


def theirs(place: Place) -> dict[str, np.ndarray]:
    import torch

    network = _model(place, place.seed + 1)
    from utils.torch import load_state

    load_state(str(place.folder / "best_model.pth"), network, map_location="cpu")
    past, after, z = (torch.from_numpy(part) for part in _inputs(place.seed))
    with torch.no_grad():
        prior, posterior = network.prior(past), network.encoder(torch.cat([past, after], 1))
        mean, log_variance = posterior.chunk(2, 1)
        decoded = network.decode(z, past).reshape(COUNT, -1)
    found = [*prior, mean, log_variance.exp(), decoded[:, :-9], decoded[:, -9:]]
    return {name: value.numpy() for name, value in zip(PARTS, found, strict=True)}


def ours(place: Place) -> dict[str, np.ndarray]:
    """As the prior loads the checkpoint; and the prior's contract on it, by ``diffopt plugins check``."""
    from pathlib import Path

    import torch
    from diffopt_priors.humor import weights

    file = Path(place.folder / "best_model.pth")
    place.diffopt("plugins", "check", "humor", "--set", f"weights={file}")
    network, _ = weights.load(file)
    past, after, z = (torch.from_numpy(part) for part in _inputs(place.seed))
    with torch.no_grad():
        found = [*network.prior(past), *network.posterior(past, after), *network.decode(z, past)]
    return {name: value.numpy() for name, value in zip(PARTS, found, strict=True)}
