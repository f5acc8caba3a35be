"""What HuMoR has to say about a sequence of states, part by part, one value a transition.

``transition``    KL of posterior to conditional prior, or minus the log likelihood of given latents: is this what comes
                  next? (Rempe et al. 2021, eq. 5 and 12)
``consistency``   what the latent cannot explain: squared difference of the decoded next state to the real one, each
                  part of the state in units of its usual change a frame
``contact_speed`` joints that the decoder believes in contact should stand (eq. 15), in units of ``SPEED``
``contact_height`` and be near the floor, in units of ``HEIGHT``

The first two add up to a bound on the log likelihood of the transition (eq. 5). Contact probabilities are detached, as
in SLAHMR's use of them: a foot must not talk its way out of a contact.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.humor.config import HuMoRConfig
from diffopt_priors.humor.layout import CONTACT_JOINTS, SIZES, SLICES
from diffopt_priors.humor.network import HuMoR, kl, negative_log_likelihood
from diffopt_priors.humor.states import part

#: Speed and height at which a contact costs one unit: m/s, m.
SPEED = 0.3
HEIGHT = 0.05
#: Joints lie inside the body: so far from the floor costs nothing (m).
ABOVE_FLOOR = 0.08


class Parts(NamedTuple):
    """Each ``[N]``, one value a transition; about 0.8, 0.4, 0.4 and 0.01 on everyday motion."""

    transition: Tensor
    consistency: Tensor
    contact_speed: Tensor
    contact_height: Tensor


def difference(a: Float[Tensor, "N 339"], b: Float[Tensor, "N 339"], scales: Float[Tensor, "7"]) -> Float[Tensor, "N"]:
    """Mean over the seven parts of the state of their mean squared difference, in units of ``scales``."""
    squared = (a - b).square()
    parts = torch.stack([squared[:, SLICES[name]].mean(1) for name in SIZES], 1)
    return (parts / scales.square()).mean(1)


def soft(x: Tensor, limit: float) -> Tensor:
    """``x`` while small, its logarithm beyond ``limit``."""
    return limit * torch.log1p(x.clamp_min(0) / limit) + x.clamp_max(0)


def weighed(parts: Parts, config: HuMoRConfig) -> Tensor:
    """The energy of each transition, shape as the parts."""
    of_model = config.transition * parts.transition + config.consistency * parts.consistency
    of_contact = config.contact_speed * parts.contact_speed + config.contact_height * parts.contact_height
    return soft(of_model, config.limit) + of_contact


def contact_points(state: Float[Tensor, "N 339"]) -> Float[Tensor, "N 9 3"]:
    """Positions of the joints that may be in contact, m, z up."""
    joints = part(state, "joints").unflatten(1, (-1, 3))
    return torch.stack([joints[:, j] for j in CONTACT_JOINTS], 1)


def energy_parts(
    model: HuMoR,
    past: Float[Tensor, "N 339"],
    after: Float[Tensor, "N 339"],
    *,
    scales: Float[Tensor, "7"],
    fps: float,
    likelihood: Literal["kl", "nll"] = "kl",
    latents: Float[Tensor, "N Z"] | None = None,
) -> Parts:
    """Parts of canonical pairs of states. ``latents`` replace the posterior's mean; then ``likelihood`` is theirs."""
    prior = model.prior(past)
    if latents is None:
        posterior = model.posterior(past, after)
        z = posterior.mean
        nats = kl(posterior, prior) if likelihood == "kl" else negative_log_likelihood(z, prior)
    else:
        z, nats = latents, negative_log_likelihood(latents, prior)
    decoded, logits = model.decode(z, past)
    believed = logits.sigmoid().detach()
    here = contact_points(after)
    speed = (here - contact_points(past)) * (fps / SPEED)
    above = (here[..., 2].abs() - ABOVE_FLOOR).clamp_min(0) / HEIGHT
    return Parts(
        nats.mean(1),
        difference(decoded, after, scales),
        (believed * speed.square().sum(-1)).mean(1),
        (believed * above).mean(1),
    )
