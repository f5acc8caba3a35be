"""Likelihood weighting: weights of the residual from its distribution on held-out motion.

The residual r = x - x0 of real motion that a denoiser was not trained on has a certain spread at every noise level and
for every part of the body: the card's ``spread``, measured once (``diffopt calibrate prior``). In units of the spread
the residual is a likelihood: a level at which the denoiser is accurate has more weight. A residual larger than in 90 %
of held-out frames indicates motion that the prior does not know: there the energy grows with |r| instead of its square
(Huber), so the gradient is bounded. Channels that no keypoint shows keep their full weight.

It needs only the residual: no further call of the network, no host-device synchronisation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from diffopt_core.data.skeleton import JOINTS
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import avg_pool1d

from diffopt_priors.mdm.denoiser import Denoiser
from diffopt_priors.mdm.features import CONTACTS, DIM, NUM_FEATURE_JOINTS, POSITIONS, ROTATIONS, VELOCITIES

#: Noise levels (shares of the schedule) at which the spread is measured.
LEVELS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.98)
#: Index of the level at which the weight is 1, so that strengths have about the same meaning as without it.
_UNIT = 4
#: Frames over which a residual is averaged before it is compared with the bound.
_FRAMES = 15
#: Weight of the latest step in the running mean that is reported.
_MEMORY = 0.05
#: Share of held-out frames whose residuals are within the bound.
_KNOWN = 0.9
_LEGS, _ARMS = ("hip", "knee", "ankle", "foot"), ("collar", "shoulder", "elbow", "wrist")
_PARTS = ("trunk", "legs", "arms")
GROUPS = ("turn", "path", "height", *(f"{part} {block}" for block in ("place", "pose", "speed") for part in _PARTS))


def _part(joint: str) -> int:
    return 1 if any(w in joint for w in _LEGS) else 2 if any(w in joint for w in _ARMS) else 0


def membership() -> Float[Tensor, "263 12"]:
    """1 where a channel belongs to a group; contacts belong to the path."""
    group = torch.zeros(DIM, dtype=torch.long)
    group[1:3], group[3] = 1, 2
    parts = torch.tensor([_part(name) for name in JOINTS[:NUM_FEATURE_JOINTS]])
    group[POSITIONS] = 3 + parts[1:].repeat_interleave(3)
    group[ROTATIONS] = 6 + parts[1:].repeat_interleave(6)
    group[VELOCITIES] = 9 + parts.repeat_interleave(3)
    group[[193, 195]] = 1  # the root's horizontal velocity in the velocity block
    group[259:] = 1
    return torch.nn.functional.one_hot(group, len(GROUPS)).float()


def _averaged(squared: Float[Tensor, "N L D"], member: Float[Tensor, "D G"]) -> Float[Tensor, "N L G"]:
    """Mean over a group's channels and over neighbouring frames."""
    means = squared @ (member / member.sum(0))
    frames = min(_FRAMES, means.shape[1] - 1 + means.shape[1] % 2)
    return avg_pool1d(means.mT, frames, 1, frames // 2, count_include_pad=False).mT


@torch.no_grad()
def measure(denoiser: Denoiser, x: Float[Tensor, "N L D"]) -> dict[str, Any]:
    """The card's ``spread`` from windows of held-out motion (normalised features): by level and group the mean squared
    residual, and its 90 % quantile over frames."""
    member = membership()
    noise = denoiser.colour(torch.randn(x.shape, generator=torch.Generator().manual_seed(0)))
    mean, bound = [], []
    for level in LEVELS:
        t = denoiser.step(level, x)
        squared = (denoiser.predict(denoiser.noised(x, t, t, noise), t, t) - x).square()
        found = _averaged(squared, member).flatten(0, 1)
        mean.append(found.mean(0).tolist())
        bound.append(found.quantile(_KNOWN, dim=0).tolist())
    return {"levels": list(LEVELS), "groups": list(GROUPS), "mean": mean, "bound": bound}


def unmeasured(denoiser: Denoiser) -> dict[str, Any]:
    """A default spread for weights whose card has none (published checkpoints): sigma^2 at every level, that of an
    estimate that knows only the variance of motion."""
    steps = torch.cat([denoiser.step(level, denoiser.sigma[:1]) for level in LEVELS])
    rows = [[sigma**2] * len(GROUPS) for sigma in denoiser.sigma[steps].tolist()]
    return {"levels": list(LEVELS), "groups": list(GROUPS), "mean": rows, "bound": rows}


def _at_every_step(denoiser: Denoiser, card: dict[str, Any], key: str) -> Float[Tensor, "steps G"]:
    """A table of the card at every step of the schedule, interpolated linearly in the logarithm."""
    levels = torch.tensor(card["levels"], dtype=torch.float64)
    table = torch.tensor(card[key], dtype=torch.float64).clamp_min(1e-8).log()
    step = torch.linspace(0, 1, denoiser.steps, dtype=torch.float64)
    above = torch.searchsorted(levels, step).clamp(1, len(levels) - 1)
    share = ((step - levels[above - 1]) / (levels[above] - levels[above - 1])).clamp(0, 1).unsqueeze(1)
    return torch.lerp(table[above - 1], table[above], share).exp().float()


@dataclass(frozen=True)
class Likelihood:
    """``likelihood(squared, t, root_t, seen) -> weight`` of every squared residual; carries no gradient."""

    level: Float[Tensor, "steps D"]  # spread at the unit level over that at each
    bound: Float[Tensor, "steps G"]
    member: Float[Tensor, "D G"]
    trajectory: Tensor  # D, bool
    path: Tensor  # G, bool: the group's channels are the trajectory's alone
    told: Float[Tensor, "N L"]  # running mean of the weight over the steps, by frame

    @classmethod
    def of(cls, denoiser: Denoiser, card: dict[str, Any], shape: tuple[int, int]) -> Likelihood:
        """Create from a card's ``spread``, on the denoiser's device; ``shape``: number of windows, frames per
        window."""
        member = membership()
        mean, bound = (_at_every_step(denoiser, card, key) for key in ("mean", "bound"))
        unit = torch.tensor(card["mean"][_UNIT]) / mean
        level, bound, member = (part.to(denoiser.mean.device) for part in (unit @ member.T, bound, member))
        trajectory = denoiser.trajectory
        path = (member[trajectory].sum(0) > 0) & (member[~trajectory].sum(0) == 0)
        return cls(level, bound, member, trajectory, path, torch.ones(shape, device=level.device))

    @torch.no_grad()
    def __call__(
        self,
        squared: Float[Tensor, "N L D"],
        t: Int[Tensor, "N"],
        root_t: Int[Tensor, "N"],
        seen: Float[Tensor, "N L D"],
    ) -> Float[Tensor, "N L D"]:
        """``seen``: confidence in [0, 1] that the image shows a channel."""
        known = (self._own(self.bound, t, root_t) / _averaged(squared, self.member).clamp_min(1e-12)).clamp_max(1.0)
        known = torch.lerp(torch.ones_like(squared), known @ self.member.T, seen)
        self.told.lerp_(known[..., : CONTACTS.start].mean(-1), _MEMORY)
        level = torch.where(self.trajectory, self.level[root_t], self.level[t]).unsqueeze(1)
        return level * known

    def _own(self, table: Float[Tensor, "steps G"], t: Tensor, root_t: Tensor) -> Float[Tensor, "N 1 G"]:
        """Each group's value at its own noise level."""
        return torch.where(self.path, table[root_t], table[t]).unsqueeze(1)
