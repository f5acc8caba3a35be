"""Fit the mixture: samples from motion shards, expectation maximisation, and statistics for the card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix, matrix_to_axis_angle
from diffopt_core.data.skeleton import JOINTS, mirror_order
from diffopt_core.host.train.shards import read_shard
from jaxtyping import Float
from torch import Tensor

from diffopt_smplify.mixture import Mixture

#: Joints 1 to 21: the data has no hand poses.
BODY = slice(1, 22)


@dataclass(frozen=True)
class Poses:
    """Samples of the body pose with their weights."""

    x: Tensor  # [N 63] axis-angle, rad
    weight: Tensor  # [N]
    files: tuple[str, ...]


def read(paths: list[Path], stride: int = 1, balance: float = 0.4, mirrored: bool = True) -> Poses:
    """Every ``stride``-th frame, and its left-right mirror image. A frame's weight is (frames of its
    subject)^-balance, so that no subject dominates."""
    shards = [read_shard(path, ("poses", "starts")) for path in paths]
    subject = np.concatenate([np.repeat(s["subjects"].astype(str), np.diff(s["starts"])) for s in shards])[::stride]
    matrix = axis_angle_to_matrix(torch.from_numpy(np.concatenate([s["poses"] for s in shards])[::stride]).float())
    _, index, count = np.unique(subject, return_inverse=True, return_counts=True)
    weight = torch.from_numpy(count[index] ** -balance)
    # a norm of at most pi, whatever the file has
    pose = matrix_to_axis_angle(matrix)
    if mirrored:
        flip = pose.new_tensor([1.0, -1.0, -1.0])  # an axis is mirrored like a cross product
        pose = torch.cat([pose, pose[:, list(mirror_order(JOINTS))] * flip])
        weight = torch.cat([weight, weight])
    return Poses(pose[:, BODY].flatten(1), weight, tuple(path.name for path in paths))


@dataclass(frozen=True)
class Settings:
    """Hyper-parameters; stored in the card."""

    components: int = 8
    shrink: float = 0.2  # shrinkage of each component's covariance towards that of all samples
    ridge: float = (
        0.003  # rad^2 on the diagonal: a joint that never moves in the data keeps a standard deviation of 3 degrees
    )
    iterations: int = 100
    tolerance: float = 1e-3  # nats per sample
    seed: int = 0


def seeds(x: Float[Tensor, "N D"], weight: Float[Tensor, "N"], settings: Settings) -> Float[Tensor, "K D"]:
    """Initial means: distant samples (k-means++)."""
    generator = torch.Generator().manual_seed(settings.seed)
    chosen = [x[torch.multinomial(weight, 1, generator=generator)]]
    nearest = torch.full_like(weight, torch.inf)
    while len(chosen) < settings.components:
        nearest = torch.minimum(nearest, (x - chosen[-1]).square().sum(1))
        chosen.append(x[torch.multinomial(weight * nearest, 1, generator=generator)])
    return torch.cat(chosen)


def update(
    x: Float[Tensor, "N D"], share: Float[Tensor, "N K"], floor: Float[Tensor, "D D"], shrink: float = 0.0
) -> tuple[Float[Tensor, "K"], Float[Tensor, "K D"], Float[Tensor, "K D D"]]:
    """Weights, means and covariances from responsibilities ``share`` (M step).

    Each covariance is ``(1 - shrink)`` times that of the component's samples plus ``floor``.
    """
    mass = share.sum(0)
    means = (share.T @ x) / mass.unsqueeze(-1)
    covariances = []
    for k in range(share.shape[1]):
        apart = x - means[k]
        covariances.append((1 - shrink) * (apart * share[:, k : k + 1]).T @ apart / mass[k] + floor)
    return mass / mass.sum(), means, torch.stack(covariances)


def fit(
    x: Float[Tensor, "N D"],
    weight: Float[Tensor, "N"],
    settings: Settings,
    show: Callable[[int, str], None] = lambda iteration, word: None,
) -> tuple[dict[str, Tensor], list[float]]:
    """``weights``, ``means``, ``covariances`` and the NLL (nats per sample) after each iteration. float64."""
    x, weight = x.double(), weight.double() / weight.double().sum()
    apart = x - weight @ x
    everybody = (apart * weight.unsqueeze(1)).T @ apart
    floor = settings.shrink * everybody + settings.ridge * torch.eye(x.shape[1], dtype=x.dtype)
    distance = torch.cdist(x, seeds(x, weight, settings))
    share = torch.nn.functional.one_hot(distance.argmin(1), settings.components).double()
    losses: list[float] = []
    # every component starts with a small share of all samples, so that none is empty
    share = 0.99 * share + 0.01 / settings.components
    for iteration in range(settings.iterations):
        parts = update(x, share * weight.unsqueeze(1), floor, settings.shrink)
        joint = -Mixture.of(*parts).component_nll(x)
        total = joint.logsumexp(1)
        share = (joint - total.unsqueeze(1)).exp()
        losses.append(-float((total * weight).sum()))
        show(iteration + 1, f": loss {losses[-1]:.4f}")
        if len(losses) > 1 and abs(losses[-2] - losses[-1]) < settings.tolerance:
            break
    weights, means, covariances = parts
    return {"weights": weights, "means": means, "covariances": covariances}, losses


def _energies(mixture: Mixture, x: Tensor) -> Tensor:
    return (mixture.nll(x) - mixture.constant.amin()) / x.shape[-1]


def report(mixture: Mixture, poses: Poses) -> dict[str, float]:
    """Quantiles of the energy on poses, and how often a corrupted pose has a higher energy than the original: joints
    permuted, or every joint rotated by 0.1 or 0.3 rad (RMS per axis)."""
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
