"""The HuMoR prior: parts of the energy, and the two forms of the component."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
from diffopt_core.data.ragged import inside, own_mean
from diffopt_core.errors import DiffOptError
from diffopt_core.interfaces import ProblemContext
from diffopt_core.types import HumanMotion, Scene
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.cards import HUMOR_WEIGHTS
from diffopt_priors.configs import HuMoRConfig
from diffopt_priors.humor import weights
from diffopt_priors.humor.network import CONTACT_JOINTS, SIZES, SLICES, HuMoR, kl, negative_log_likelihood
from diffopt_priors.humor.states import part, states, transitions
from diffopt_priors.mdm.windows import Resampler

#: Units of the speed (m/s) and height (m) of joints in contact.
SPEED = 0.3
HEIGHT = 0.05
#: Height (m) of a joint in contact above the floor without cost, because joints are inside the body.
ABOVE_FLOOR = 0.08


class Parts(NamedTuple):
    """Each ``[N]``, one value per transition; about 0.8, 0.4, 0.4 and 0.01 on everyday motion."""

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
    """``x`` up to ``limit``, logarithmic beyond."""
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


#: Least number of frames, because velocities are central differences.
_FEWEST = 3


class HuMoRPrior:
    """``energy(scene) -> [B]``. Weights are frozen."""

    def __init__(self, config: HuMoRConfig, ctx: ProblemContext) -> None:
        model, card = weights.load(HUMOR_WEIGHTS.resolve(config.weights))
        longest = ctx.initial.trans.shape[1]
        frames = min(ctx.lengths or (longest,))
        if frames < _FEWEST:
            raise DiffOptError(f"prior humor: a clip of {frames} frames is too short; at least {_FEWEST} are needed")
        rest = ctx.rest_joints
        if rest is None and ctx.body is not None:
            rest = ctx.body.rest_joints(ctx.initial.betas)
        if rest is None:
            raise DiffOptError("prior humor: the rest joints of the body are needed; choose a --body")
        self.config = config
        self.model = model.to(ctx.device)
        self.fps = float(card["fps"])
        self.noise = ctx.noise
        self.rest = rest.detach().to(ctx.device)
        self.offset = torch.tensor(card["root_offset"], dtype=torch.float32, device=ctx.device)
        self.scales = torch.tensor([card["scales"][name] for name in SIZES], device=ctx.device)
        self.resample = Resampler(longest, ctx.fps, self.fps, ctx.device)
        moves = self.resample.steps(ctx.lengths)
        self.own = None if moves is None else inside(moves, self.resample.frames - 1, ctx.device)
        self.last = None if self.own is None else self.own.cumsum(1) - 1

    def pairs(self, motion: HumanMotion, phase: Float[Tensor, "B"] | None) -> tuple[Tensor, Tensor]:
        """Canonical pairs of states, ``[B K-1 339]`` each."""
        pose, trans = self.resample(motion.pose, motion.trans, phase)
        return transitions(states(pose, trans, self.rest, self.fps, self.offset, self.last))

    def parts(self, motion: HumanMotion, phase: Float[Tensor, "B"] | None = None) -> Parts:
        """Parts of the energy, ``[B K-1]`` each."""
        past, after = self.pairs(motion, phase)
        shape = past.shape[:2]
        found = energy_parts(
            self.model,
            past.flatten(0, 1),
            after.flatten(0, 1),
            scales=self.scales,
            fps=self.fps,
            likelihood=self.config.likelihood,
            latents=self.latents(),
        )
        return Parts(*(value.unflatten(0, shape) for value in found))

    def latents(self) -> Float[Tensor, "N Z"] | None:
        """Latents to use in place of the posterior's mean."""
        return None

    def phase(self) -> Float[Tensor, "B"] | None:
        """Where the frames at the model's rate lie between those of a faster clip, drawn anew at each call."""
        return self.noise.uniform(()) if self.resample.random_phase else None

    def __call__(self, scene: Scene) -> Float[Tensor, "B"]:
        return own_mean(weighed(self.parts(scene.motion, self.phase()), self.config), self.own)


class HuMoRLatentPrior(HuMoRPrior):
    """The form with latents of its own, ``prior.z [B K-1 48]``; they begin at the posterior's mean for the first
    motion. The frames at the model's rate stay where they are: each latent belongs to one transition."""

    def __init__(self, config: HuMoRConfig, ctx: ProblemContext) -> None:
        super().__init__(config, ctx)
        with torch.no_grad():
            past, after = self.pairs(ctx.initial, None)
            z = self.model.posterior(past.flatten(0, 1), after.flatten(0, 1)).mean
        self.z = z.unflatten(0, past.shape[:2]).contiguous().requires_grad_(True)

    def variables(self) -> Mapping[str, list[Tensor]]:
        """``prior.z``."""
        return {"z": [self.z]}

    def latents(self) -> Float[Tensor, "N Z"]:
        return self.z.flatten(0, 1)

    def phase(self) -> None:
        return None
