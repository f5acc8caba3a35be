"""The networks of HuMoR and their state vector (Rempe et al. 2021, sec. 3.1).

A state is in a z-up frame: ``trans`` 3 (m), ``trans_vel`` 3 (m/s), ``root_orient`` 9 (matrix, row by row),
``root_orient_vel`` 3 (rad/s), ``pose_body`` 21 x 9, ``joints`` 22 x 3 (m), ``joints_vel`` 22 x 3 (m/s). The decoder's
216 numbers are changes of those (rotations as axis-angle, applied from the left) and 9 contact logits.

All three networks are multilayer perceptrons, Linear then (GroupNorm, ReLU, Linear) repeated. The decoder sees the
latent again at every layer. Names of weights are those of the published checkpoints. All tensors are ``[N ...]``: one
row per transition, so all transitions of a clip are evaluated at once.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import NamedTuple

import torch
from diffopt_core.data.rotation import axis_angle_to_matrix
from jaxtyping import Float
from torch import Tensor, nn

#: Frames per second of the published model; its velocities are per second.
FPS = 30.0
NUM_JOINTS = 22
LATENT = 48

SIZES: dict[str, int] = {
    "trans": 3,
    "trans_vel": 3,
    "root_orient": 9,
    "root_orient_vel": 3,
    "pose_body": 189,
    "joints": 66,
    "joints_vel": 66,
}
#: The parts of the decoder's output.
CHANGE_SIZES: dict[str, int] = SIZES | {"root_orient": 3, "pose_body": 63}
ROTATIONS = ("root_orient", "pose_body")
#: Joints with a contact: pelvis, knees, ankles, feet, wrists.
CONTACT_JOINTS = (0, 4, 5, 7, 8, 10, 11, 20, 21)

STATE = sum(SIZES.values())  # 339
CHANGE = sum(CHANGE_SIZES.values())  # 207
RAW = CHANGE + len(CONTACT_JOINTS)  # 216


def _slices(sizes: dict[str, int]) -> dict[str, slice]:
    ends = list(accumulate(sizes.values()))
    return {name: slice(end - size, end) for (name, size), end in zip(sizes.items(), ends, strict=True)}


SLICES = _slices(SIZES)
CHANGE_SLICES = _slices(CHANGE_SIZES)

#: Root mean square change per frame of each part in everyday motion (30 fps): the unit of residuals if the card of a
#: weight file has none.
SCALES: dict[str, float] = {
    "trans": 0.02,
    "trans_vel": 0.1,
    "root_orient": 0.02,
    "root_orient_vel": 0.4,
    "pose_body": 0.02,
    "joints": 0.03,
    "joints_vel": 0.25,
}


#: Groups of every GroupNorm; not stored in a checkpoint, equal in all published models.
GROUPS = 16


class Gaussian(NamedTuple):
    """Mean and variance, ``[N 48]`` each."""

    mean: Tensor
    variance: Tensor


class Perceptron(nn.Module):
    """``sizes``: widths from the input to the output. ``skip``: how many of the last inputs every layer sees."""

    def __init__(self, sizes: list[int], skip: int = 0) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Linear(sizes[0], sizes[1])]
        for before, after in pairwise(sizes[1:]):
            layers += [nn.GroupNorm(GROUPS, before), nn.ReLU(), nn.Linear(before + skip, after)]
        self.net = nn.ModuleList(layers)
        self.skip = skip

    def forward(self, x: Float[Tensor, "N I"]) -> Float[Tensor, "N O"]:
        again = x[:, x.shape[1] - self.skip :]
        for i, layer in enumerate(self.net):
            if i and self.skip and isinstance(layer, nn.Linear):
                x = torch.cat([x, again], 1)
            x = layer(x)
        return x


class HuMoR(nn.Module):
    """``hidden``: widths of the hidden layers of ``encoder``, ``prior_net`` and ``decoder``."""

    def __init__(self, hidden: dict[str, list[int]], latent: int = LATENT) -> None:
        super().__init__()
        self.hidden, self.latent = hidden, latent
        self.encoder = Perceptron([2 * STATE, *hidden["encoder"], 2 * latent])
        self.prior_net = Perceptron([STATE, *hidden["prior_net"], 2 * latent])
        self.decoder = Perceptron([STATE + latent, *hidden["decoder"], RAW], skip=latent)

    def prior(self, past: Float[Tensor, "N 339"]) -> Gaussian:
        """p(z | x_t), eq. 3."""
        return _gaussian(self.prior_net(past))

    def posterior(self, past: Float[Tensor, "N 339"], after: Float[Tensor, "N 339"]) -> Gaussian:
        """q(z | x_t, x_t+1), eq. 4."""
        return _gaussian(self.encoder(torch.cat([past, after], 1)))

    def change(self, z: Float[Tensor, "N Z"], past: Float[Tensor, "N 339"]) -> Float[Tensor, "N 216"]:
        """The decoder's own output: 207 changes and 9 contact logits."""
        return self.decoder(torch.cat([past, z], 1))

    def decode(self, z: Float[Tensor, "N Z"], past: Float[Tensor, "N 339"]) -> tuple[Tensor, Tensor]:
        """Next state ``[N 339]`` in the frame of ``past``, and contact logits ``[N 9]`` (eq. 2)."""
        raw = self.change(z, past)
        return apply_change(raw[:, :CHANGE], past), raw[:, CHANGE:]


def _gaussian(out: Tensor) -> Gaussian:
    mean, log_variance = out.chunk(2, 1)
    return Gaussian(mean, log_variance.exp())


def apply_change(change: Float[Tensor, "N 207"], past: Float[Tensor, "N 339"]) -> Float[Tensor, "N 339"]:
    """Apply a change; for rotations ``R_new = exp(change) R``."""
    parts = []
    for name in SIZES:
        old, new = past[:, SLICES[name]], change[:, CHANGE_SLICES[name]]
        if name in ROTATIONS:
            turn = axis_angle_to_matrix(new.unflatten(1, (-1, 3)))
            parts.append((turn @ old.unflatten(1, (-1, 3, 3))).flatten(1))
        else:
            parts.append(old + new)
    return torch.cat(parts, 1)


def hidden_of(state: dict[str, Tensor]) -> dict[str, list[int]]:
    """Hidden widths, from weights with the published names."""

    def width(net: str) -> list[int]:
        layers = sorted(int(key.split(".")[2]) for key in state if key.startswith(f"{net}.net.") and _is_linear(key))
        return [int(state[f"{net}.net.{i}.weight"].shape[0]) for i in layers][:-1]

    def _is_linear(key: str) -> bool:
        return key.endswith(".weight") and state[key].dim() == 2

    return {net: width(net) for net in ("encoder", "prior_net", "decoder")}


def kl(q: Gaussian, p: Gaussian) -> Float[Tensor, "N Z"]:
    """KL(q || p) of each latent, nats (eq. 7)."""
    ratio = q.variance / p.variance
    return 0.5 * (ratio - ratio.log() - 1 + (q.mean - p.mean).square() / p.variance)


def negative_log_likelihood(z: Float[Tensor, "N Z"], p: Gaussian) -> Float[Tensor, "N Z"]:
    """-log p(z) of each latent up to a constant, nats."""
    return 0.5 * ((z - p.mean).square() / p.variance + p.variance.log())
