"""Expectation maximisation for a mixture of Gaussians over weighted samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diffopt_smplify.gmm.mixture import Mixture


@dataclass(frozen=True)
class Settings:
    """Hyper-parameters; stored in the card."""

    components: int = 8
    shrink: float = 0.2  # share of the covariance of all samples in that of each component
    ridge: float = 0.003  # rad^2 on the diagonal: a joint that the data never moves may still move 3 degrees
    iterations: int = 100
    tolerance: float = 1e-3  # nats a sample
    seed: int = 0


def seeds(x: Float[Tensor, "N D"], weight: Float[Tensor, "N"], settings: Settings) -> Float[Tensor, "K D"]:
    """First means: samples drawn far from one another (k-means++)."""
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
    """Weights, means and covariances of samples that belong to components in shares (M step).

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
    show: Callable[[int, float], None] = lambda iteration, nll: None,
) -> tuple[dict[str, Tensor], list[float]]:
    """``weights``, ``means``, ``covariances`` and the NLL (nats a sample) after each round. float64."""
    x, weight = x.double(), weight.double() / weight.double().sum()
    apart = x - weight @ x
    everybody = (apart * weight.unsqueeze(1)).T @ apart
    floor = settings.shrink * everybody + settings.ridge * torch.eye(x.shape[1], dtype=x.dtype)
    distance = torch.cdist(x, seeds(x, weight, settings))
    share = torch.nn.functional.one_hot(distance.argmin(1), settings.components).double()
    losses: list[float] = []
    # every component keeps a trace of all samples at first, so that none starts empty
    share = 0.99 * share + 0.01 / settings.components
    for iteration in range(settings.iterations):
        parts = update(x, share * weight.unsqueeze(1), floor, settings.shrink)
        joint = -Mixture.of(*parts).component_nll(x)
        total = joint.logsumexp(1)
        share = (joint - total.unsqueeze(1)).exp()
        losses.append(-float((total * weight).sum()))
        show(iteration + 1, losses[-1])
        if len(losses) > 1 and abs(losses[-2] - losses[-1]) < settings.tolerance:
            break
    weights, means, covariances = parts
    return {"weights": weights, "means": means, "covariances": covariances}, losses
