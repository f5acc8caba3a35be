"""Sequences: latents of a given one, and new ones from a first state (Rempe et al. 2021, sec. 3.1)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.humor.network import Gaussian, HuMoR
from diffopt_priors.humor.states import Frame, frame_of, into, out_of, pivot_of, transitions


class Inferred(NamedTuple):
    """Distributions of the latents of a sequence, ``[B T-1 48]`` each."""

    prior: Gaussian
    posterior: Gaussian


def infer(model: HuMoR, sequence: Float[Tensor, "B T 339"]) -> Inferred:
    """Conditional prior and posterior of every transition, in one batch."""
    past, after = transitions(sequence)
    batch, count = past.shape[:2]
    p = model.prior(past.flatten(0, 1))
    q = model.posterior(past.flatten(0, 1), after.flatten(0, 1))
    shape = (batch, count)
    return Inferred(*(Gaussian(g.mean.unflatten(0, shape), g.variance.unflatten(0, shape)) for g in (p, q)))


class Rollout(NamedTuple):
    """States in the frame of the first ``[B S 339]``, contact logits ``[B S 9]``, the prior met at each step."""

    states: Tensor
    contacts: Tensor
    prior: Gaussian


def rollout(
    model: HuMoR,
    first: Float[Tensor, "B 339"],
    steps: int,
    latents: Float[Tensor, "B S Z"] | None = None,
    noise: Float[Tensor, "B S Z"] | None = None,
) -> Rollout:
    """``steps`` states after a canonical ``first`` one, each from the model's own last.

    ``latents`` are used where given; else the prior's mean, plus its deviation times ``noise``.
    """
    pivot = pivot_of(first)
    eye = torch.eye(3, dtype=first.dtype, device=first.device).expand(len(first), 3, 3)
    frame, past = Frame(eye, torch.zeros_like(pivot), pivot), first
    found: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    for s in range(steps):
        p = model.prior(past)
        z = p.mean if latents is None else latents[:, s]
        if latents is None and noise is not None:
            z = z + p.variance.sqrt() * noise[:, s]
        state, contacts = model.decode(z, past)
        found.append((out_of(state, frame), contacts, *p))
        step = frame_of(state, pivot)
        past = into(state, step)
        # The world's origin of the next frame: where this one's trans is, without height.
        frame = Frame(step.turn @ frame.turn, frame_of(found[-1][0], pivot).origin, pivot)
    sequences, logits, mean, variance = (torch.stack(column, 1) for column in zip(*found, strict=True))
    return Rollout(sequences, logits, Gaussian(mean, variance))
