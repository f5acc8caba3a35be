"""Weights of VPoser: shipped and own ones are safetensors with a JSON card beside them.

Published ones are read as they are: v1 (``vposer_v1_0/snapshots/*.pt``, a bare state) and v2
(``V02_05/snapshots/*.ckpt``, a training framework's checkpoint with the state under ``vp_model.``), which also holds
settings and callbacks of the framework, which are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffopt_core.errors import BadInput, MissingResource
from diffopt_core.perception.weights.cards import compare, listed
from torch import Tensor

from diffopt_priors import checkpoint
from diffopt_priors.cards import VPOSER_WEIGHTS
from diffopt_priors.vposer.network import Edition, VPoser


def fill(network: VPoser, path: Path, state: dict[str, Tensor], names: Mapping[str, str]) -> None:
    """Copy ``state`` into ``network``. ``names``: module of the network -> its name in the file, where it differs.

    Raises BadInput that names keys which are missing, of another shape, or not finite.
    """
    expected = {}
    for own, value in network.state_dict().items():
        module, _, leaf = own.rpartition(".")
        if leaf != "num_batches_tracked":
            expected[f"{names.get(module, module)}.{leaf}"] = value
    compare(path, {key: state[key] for key in expected if key in state}, expected, VPOSER_WEIGHTS.source)
    with torch.no_grad():
        for key, value in expected.items():
            value.copy_(state[key])


#: Module of the network -> its name in the published file.
_NAMES: dict[Edition, dict[str, str]] = {
    "v1": {
        "encoder.0": "bodyprior_enc_bn1",
        "encoder.1": "bodyprior_enc_fc1",
        "encoder.3": "bodyprior_enc_bn2",
        "encoder.5": "bodyprior_enc_fc2",
        "mean": "bodyprior_enc_mu",
        "scale": "bodyprior_enc_logvar",
        "decoder.0": "bodyprior_dec_fc1",
        "decoder.3": "bodyprior_dec_fc2",
        "decoder.5": "bodyprior_dec_out",
    },
    "v2": {
        "encoder.0": "encoder_net.1",
        "encoder.1": "encoder_net.2",
        "encoder.3": "encoder_net.4",
        "encoder.5": "encoder_net.6",
        "encoder.6": "encoder_net.7",
        "mean": "encoder_net.8.mu",
        "scale": "encoder_net.8.logvar",
        "decoder.0": "decoder_net.0",
        "decoder.3": "decoder_net.3",
        "decoder.5": "decoder_net.5",
    },
}
_PREFIXES = ("vp_model.", "module.", "")


def published(path: Path) -> VPoser:
    """Network of a published checkpoint of either edition."""
    loaded = checkpoint.read(path, VPOSER_WEIGHTS.source)
    state = loaded.get("state_dict", loaded)
    if not isinstance(state, dict):
        raise BadInput(
            path, "state_dict", f"holds a {type(state).__name__}, not named tensors; {VPOSER_WEIGHTS.source}"
        )
    for prefix in _PREFIXES:
        found = {str(k).removeprefix(prefix): v for k, v in state.items() if str(k).startswith(prefix)}
        for edition, names in _NAMES.items():
            if any(key.rpartition(".")[0] in names.values() for key in found):
                network = VPoser(edition)
                fill(network, path, found, names)
                return network
    raise BadInput(
        path,
        "state_dict",
        f"holds {listed([str(key) for key in state]) or 'nothing'}: neither VPoser v1 (bodyprior_enc_fc1.weight) nor "
        f"v2 (vp_model.encoder_net.2.weight); {VPOSER_WEIGHTS.source}",
    )


def resolve(weights: str) -> Path:
    """File of a shipped name ("open"), of a path, or of a folder of a published model (its last snapshot)."""
    given = VPOSER_WEIGHTS.file(weights)
    return _last_snapshot(given) if given.is_dir() else VPOSER_WEIGHTS.resolve(weights)


def _last_snapshot(folder: Path) -> Path:
    """The snapshot of the highest epoch in a published model's folder."""
    found = [
        p for where in (folder / "snapshots", folder) for p in where.glob("*") if p.suffix in VPOSER_WEIGHTS.published
    ]
    if not found:
        raise MissingResource(
            f"prior vposer: no checkpoint (snapshots/*.ckpt or *.pt) in the folder {folder}; {VPOSER_WEIGHTS.source}"
        )
    return max(found, key=lambda path: [int(digits) for digits in re.findall(r"\d+", path.stem)])


def load(path: Path) -> tuple[VPoser, dict[str, Any]]:
    """Frozen network in evaluation mode (float32, CPU) and its card."""
    if path.suffix != ".safetensors":
        network = published(path)
        return network.eval().requires_grad_(False), {"name": path.stem}
    return VPOSER_WEIGHTS.load(path, lambda card: VPoser(**card["network"]))


def export(path: Path, network: VPoser, card: dict[str, Any]) -> None:
    """Write weights (half precision) and card; each file is replaced in one step."""
    state = {k: v.half() for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")}
    VPOSER_WEIGHTS.write(path, state, {"name": path.stem, "network": network.settings(), **card})
