"""The training loss of the pose prior, and how good it is on poses that it never saw."""

from __future__ import annotations

from typing import Any

import torch
from diffopt_core.data.rotation import axis_angle_to_matrix
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.mdm.features import kinematics
from diffopt_priors.report.ranking import area
from diffopt_priors.train.vposer.settings import VPoserSettings
from diffopt_priors.vposer.config import VPoserConfig
from diffopt_priors.vposer.network import JOINTS, VPoser, rotation_error, to_axis_angle
from diffopt_priors.vposer.term import misfit, unlikeliness


def positions(body: Float[Tensor, "N 21 3 3"], offsets: Float[Tensor, "24 3"]) -> Float[Tensor, "N 21 3"]:
    """Joints 1 to 21 of the reference skeleton about an upright pelvis, m."""
    eye = torch.eye(3, dtype=body.dtype, device=body.device)
    pose = torch.cat([eye.expand(len(body), 1, 3, 3), body, eye.expand(len(body), 2, 3, 3)], 1)
    return kinematics(pose, pose.new_zeros(len(pose), 3), offsets)[:, 1 : 1 + JOINTS]


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


#: Rotation noise on every joint, degrees root mean square.
NOISE = (5.0, 10.0, 20.0)
#: A latent that tells less than this about a pose is unused, nat.
_USED = 0.02


def corrupted(poses: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
    """Poses ``[N 21 3]`` made wrong: noise on each joint, or each joint from some other pose."""
    count, joints = poses.shape[:2]
    made = {}
    for degrees in NOISE:
        noise = torch.randn(poses.shape, generator=generator) * (torch.pi / 180 * degrees / 3**0.5)
        made[f"noise_{degrees:g}deg"] = to_axis_angle(axis_angle_to_matrix(poses) @ axis_angle_to_matrix(noise))
    index = torch.randint(count, (count, joints), generator=generator)
    made["shuffled_joints"] = poses[index, torch.arange(joints)]
    return made


def energies(network: VPoser, poses: Tensor, spread: float) -> dict[str, Tensor]:
    """Energy of poses ``[N 21 3]`` in parts."""
    mean, _ = network.encode(poses)
    fit = misfit(axis_angle_to_matrix(poses), network.decode(mean), spread)
    return {"nll": unlikeliness(mean), "reconstruction": fit, "both": unlikeliness(mean) + fit}


@torch.no_grad()
def validation(network: VPoser, poses: Tensor, offsets: Tensor) -> dict[str, Any]:
    """Reconstruction, use of the latents and discrimination on poses ``[N 21 3]``; network in evaluation mode."""
    mean, std = network.encode(poses)
    true, made = axis_angle_to_matrix(poses), network.decode(mean)
    angle = to_axis_angle(true.mT @ made).norm(dim=-1)
    error = (positions(true, offsets) - positions(made, offsets)).norm(dim=-1)
    kl = kl_to_standard(mean, std)
    spread = float(VPoserConfig.model_fields["spread"].default)
    real = energies(network, poses, spread)
    wrong = corrupted(poses, torch.Generator().manual_seed(0))
    parts = {name: energies(network, poses_, spread) for name, poses_ in wrong.items()}
    report: dict[str, Any] = {
        "reconstruction": {"degrees": float(angle.mean().rad2deg()), "mm": float(1000 * error.mean())},
        "latent": {
            "kl_nat": float(kl.sum(-1).mean()),
            "used": int((kl.mean(0) > _USED).sum()),
            "std": float((mean.var(0) + std.square().mean(0)).sqrt().mean()),
            "mean_energy": float(real["both"].mean()),
        },
        **{f"auc_{part}": {name: area(real[part], found[part]) for name, found in parts.items()} for part in real},
    }
    return {
        group: {k: v if isinstance(v, int) else round(v, 4) for k, v in values.items()}
        for group, values in report.items()
    }
