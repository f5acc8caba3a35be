"""Published VPoser checkpoints: v1 (``vposer_v1_0/snapshots/*.pt``, a bare state) and v2
(``V02_05/snapshots/*.ckpt``, a training framework's checkpoint with the state under ``vp_model.``)."""

from __future__ import annotations

from pathlib import Path

from diffopt_core.errors import BadInput
from diffopt_core.perception.weights.cards import listed

from diffopt_priors.cards import VPOSER_WEIGHTS
from diffopt_priors.vposer import checkpoint
from diffopt_priors.vposer.checkpoint import fill
from diffopt_priors.vposer.network import Edition, VPoser

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


def read(path: Path) -> VPoser:
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
