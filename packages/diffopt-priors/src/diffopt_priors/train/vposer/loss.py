"""The training loss of the pose prior: the negative evidence lower bound of a pose, in nat."""

from __future__ import annotations

import torch
from diffopt_core.data.geometry import forward_kinematics
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.data.skeleton import PARENTS
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.train.vposer.settings import VPoserSettings
from diffopt_priors.vposer.network import JOINTS, VPoser, rotation_error

_TREE = PARENTS[: 1 + JOINTS]


def positions(body: Float[Tensor, "N 21 3 3"], offsets: Float[Tensor, "24 3"]) -> Float[Tensor, "N 21 3"]:
    """Joints 1 to 21 of the reference skeleton about an upright pelvis, m."""
    pose = torch.cat([torch.eye(3, dtype=body.dtype, device=body.device).expand(len(body), 1, 3, 3), body], 1)
    return forward_kinematics(pose, rest_of(offsets), _TREE)[1][:, 1:]


def rest_of(offsets: Float[Tensor, "24 3"]) -> Float[Tensor, "22 3"]:
    """Rest positions of joints 0 to 21 from offsets to their parents."""
    where = [offsets[0]]
    for joint in range(1, len(_TREE)):
        where.append(where[_TREE[joint]] + offsets[joint])
    return torch.stack(where)


def kl_to_standard(mean: Float[Tensor, "N D"], std: Float[Tensor, "N D"]) -> Float[Tensor, "N D"]:
    """KL(N(mean, std^2) || N(0, 1)) of each latent, nat."""
    return 0.5 * (mean.square() + std.square() - 1) - std.clamp_min(1e-6).log()


def loss(
    network: VPoser,
    poses: Float[Tensor, "N 21 3"],
    noise: Float[Tensor, "N 32"],
    rest: Float[Tensor, "24 3"],
    settings: VPoserSettings,
) -> dict[str, Tensor]:
    """Means over the batch. Rotations and joint positions as Gaussian likelihoods, and the divergence of the code."""
    mean, std = network.encode(poses)
    made, true = network.decode(mean + std * noise), axis_angle_to_matrix(poses)
    rotation = rotation_error(made, true).mean() / (2 * settings.rotation_sigma**2)
    apart = positions(made, rest) - positions(true, rest)
    position = apart.square().sum((1, 2)).mean() / (2 * settings.position_sigma**2)
    kl = kl_to_standard(mean, std).sum(-1).mean()
    return {"loss": rotation + position + kl, "rotation": rotation, "position": position, "kl": kl}
