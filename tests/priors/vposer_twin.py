"""VPoser a second time: plain NumPy in float64, layer by layer, over a state under the published names.

The published code's licence lets none of its arrays stand in ``golden``; these have the same names.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from diffopt_priors.vposer.network import Edition
from goldens import Arrays
from nemo_twin import rotations
from scipy.spatial.transform import Rotation
from vposer_cases import network, published

Array = np.ndarray
#: Names of the layers by edition: statistics, linear, statistics, linear layers, mean, scale; then the decoder's three.
LAYERS: dict[Edition, tuple[str, ...]] = {
    "v1": ("bodyprior_enc_bn1", "bodyprior_enc_fc1", "bodyprior_enc_bn2", "bodyprior_enc_fc2", "bodyprior_enc_mu",
           "bodyprior_enc_logvar", "bodyprior_dec_fc1", "bodyprior_dec_fc2", "bodyprior_dec_out"),
    "v2": ("encoder_net.1", "encoder_net.2", "encoder_net.4", "encoder_net.6", "encoder_net.8.mu",
           "encoder_net.8.logvar", "decoder_net.0", "decoder_net.3", "decoder_net.5"),
}  # fmt: skip


def leaky(x: Array, edition: Edition) -> Array:
    return np.where(x > 0, x, (0.2 if edition == "v1" else 0.01) * x)


def linear(state: dict[str, Array], name: str, x: Array) -> Array:
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def normalised(state: dict[str, Array], name: str, x: Array) -> Array:
    scaled = (x - state[f"{name}.running_mean"]) / np.sqrt(state[f"{name}.running_var"] + 1e-5)
    return scaled * state[f"{name}.weight"] + state[f"{name}.bias"]


def encode(state: dict[str, Array], edition: Edition, x: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of the latent of poses ``[N, 63]``."""
    first, fc1, second, fc2, mu, scale, *_ = LAYERS[edition]
    x = normalised(state, second, leaky(linear(state, fc1, normalised(state, first, x)), edition))
    x = linear(state, fc2, x)
    # The second edition has one more linear layer where the first has its activation.
    x = leaky(x, edition) if edition == "v1" else linear(state, "encoder_net.7", x)
    return linear(state, mu, x), np.logaddexp(0, linear(state, scale, x))


def decode(state: dict[str, Array], edition: Edition, z: Array) -> Array:
    """Rotations ``[N, 21, 3, 3]`` of latents ``[N, 32]``."""
    one, two, three = LAYERS[edition][-3:]
    x = leaky(linear(state, two, leaky(linear(state, one, z), edition)), edition)
    return rotations(linear(state, three, x))


def arrays(edition: Edition) -> Arrays:
    """What a golden file of this edition holds, for a random network."""
    weights = published(network(edition, seed=5))
    state = {key: value.double().numpy() for key, value in weights.items()}
    draw = np.random.default_rng(1)
    z, poses = (draw.normal(size=shape).astype(np.float32) for shape in ((16, 32), (16, 63)))
    decoded, (mean, std) = decode(state, edition, z), encode(state, edition, 0.5 * poses)
    out = {
        "z": z, "pose_body": (0.5 * poses), "enc_mean": mean, "enc_std": std,
        "decode_matrot": decoded.reshape(16, 21, 9),
        "decode_aa": Rotation.from_matrix(decoded.reshape(-1, 3, 3)).as_rotvec().reshape(16, 21, 3),
        "recon_matrot": decode(state, edition, mean).reshape(16, 21, 9),
        "kl_to_std_normal": (0.5 * (mean**2 + std**2 - 1) - np.log(std)).sum(-1),
    }  # fmt: skip
    return {f"sd/{k}": v for k, v in weights.items()} | {k: torch.as_tensor(v).float() for k, v in out.items()}


TWINS = {edition: partial(arrays, edition) for edition in LAYERS}
