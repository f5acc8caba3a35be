"""Does the prior tell poses of people from others? Figures for the card."""

from __future__ import annotations

import torch
from diffopt_core.data.rotation import axis_angle_to_matrix, matrix_to_axis_angle
from torch import Tensor

from diffopt_smplify.gmm.mixture import Mixture
from diffopt_smplify.gmm.poses import Poses


def _energies(mixture: Mixture, x: Tensor) -> Tensor:
    return (mixture.nll(x) - mixture.constant.amin()) / x.shape[-1]


def report(mixture: Mixture, poses: Poses) -> dict[str, float]:
    """Quantiles of the energy on poses, and how often a spoilt pose has more energy than the pose itself: its joints
    exchanged for one another, or every joint turned by 0.1 or 0.3 rad (RMS an axis)."""
    generator = torch.Generator().manual_seed(0)
    x = poses.x.double()
    real = _energies(mixture, x)
    found = {f"p{round(100 * q)}": float(real.quantile(q)) for q in (0.05, 0.5, 0.95)}
    joints = x.unflatten(-1, (-1, 3))
    order = torch.randperm(joints.shape[-2], generator=generator)
    spoilt = {"permuted": joints[:, order].flatten(-2)}
    for size in (0.1, 0.3):
        turn = axis_angle_to_matrix(size * torch.randn(joints.shape, generator=generator, dtype=x.dtype))
        spoilt[f"noise_{size:g}"] = matrix_to_axis_angle(axis_angle_to_matrix(joints) @ turn).flatten(-2)
    found |= {f"{name}_worse": float((_energies(mixture, y) > real).double().mean()) for name, y in spoilt.items()}
    return {key: round(value, 3) for key, value in found.items()}
