"""How good a pose prior is on poses that it never saw."""

from __future__ import annotations

from typing import Any

import torch
from diffopt_core.data.rotation import axis_angle_to_matrix
from torch import Tensor

from diffopt_priors.train.vposer.loss import kl_to_standard, positions
from diffopt_priors.vposer.config import VPoserConfig
from diffopt_priors.vposer.network import VPoser, to_axis_angle
from diffopt_priors.vposer.term import misfit, unlikeliness

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


def auc(real: Tensor, wrong: Tensor) -> float:
    """Chance that a wrong pose has more energy than a real one."""
    ranked = real.sort().values
    below, upto = (torch.searchsorted(ranked, wrong, right=right).double() for right in (False, True))
    return float((0.5 * (below + upto)).mean() / len(real))


def energies(network: VPoser, poses: Tensor, spread: float) -> dict[str, Tensor]:
    """Energy of poses ``[N 21 3]`` in parts."""
    mean, _ = network.encode(poses)
    fit = misfit(axis_angle_to_matrix(poses), network.decode(mean), spread)
    return {"nll": unlikeliness(mean), "reconstruction": fit, "both": unlikeliness(mean) + fit}


@torch.no_grad()
def validation(network: VPoser, poses: Tensor, offsets: Tensor, seed: int = 0) -> dict[str, Any]:
    """Reconstruction, use of the latents and discrimination on poses ``[N 21 3]``; network in evaluation mode."""
    mean, std = network.encode(poses)
    true, made = axis_angle_to_matrix(poses), network.decode(mean)
    angle = to_axis_angle(true.mT @ made).norm(dim=-1)
    error = (positions(true, offsets) - positions(made, offsets)).norm(dim=-1)
    kl = kl_to_standard(mean, std)
    spread = float(VPoserConfig.model_fields["spread"].default)
    real = energies(network, poses, spread)
    wrong = corrupted(poses, torch.Generator().manual_seed(seed))
    parts = {name: energies(network, poses_, spread) for name, poses_ in wrong.items()}
    report: dict[str, Any] = {
        "reconstruction": {"degrees": float(angle.mean().rad2deg()), "mm": float(1000 * error.mean())},
        "latent": {
            "kl_nat": float(kl.sum(-1).mean()),
            "used": int((kl.mean(0) > _USED).sum()),
            "std": float((mean.var(0) + std.square().mean(0)).sqrt().mean()),
            "mean_energy": float(real["both"].mean()),
        },
        **{f"auc_{part}": {name: auc(real[part], found[part]) for name, found in parts.items()} for part in real},
    }
    return {
        group: {k: v if isinstance(v, int) else round(v, 4) for k, v in values.items()}
        for group, values in report.items()
    }
