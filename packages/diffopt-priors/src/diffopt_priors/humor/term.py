"""The prior as a term of the energy: motion -> states at 30 fps -> all transitions in one batch -> likelihood.

Two forms. In ``motion`` the latent of each transition is the posterior's mean for the present motion, so that the
gradient reaches the motion alone. In ``latent`` the latents are variables (as in the published fit and in SLAHMR), and
the motion is bound to them by the consistency of each decoded transition, not by one long rollout: a clip's transitions
stay one batch.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from diffopt_core.errors import DiffOptError
from diffopt_core.interfaces import ProblemContext
from diffopt_core.types import HumanMotion, Scene
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.humor import weights
from diffopt_priors.humor.config import HuMoRConfig
from diffopt_priors.humor.energy import Parts, energy_parts, weighed
from diffopt_priors.humor.layout import SIZES
from diffopt_priors.humor.states import states, transitions
from diffopt_priors.mdm.windows import Resampler

#: Velocities are central differences: two frames have one, and it says nothing.
_FEWEST = 3


class HuMoRPrior:
    """``energy(scene) -> [B]``. Weights are frozen."""

    def __init__(self, config: HuMoRConfig, ctx: ProblemContext) -> None:
        model, card = weights.load(weights.resolve(config.weights))
        frames = ctx.initial.trans.shape[1]
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
        self.resample = Resampler(frames, ctx.fps, self.fps, ctx.device)

    def pairs(self, motion: HumanMotion, phase: Float[Tensor, "B"] | None) -> tuple[Tensor, Tensor]:
        """Canonical pairs of states, ``[B K-1 339]`` each."""
        pose, trans = self.resample(motion.pose, motion.trans, phase)
        return transitions(states(pose, trans, self.rest, self.fps, self.offset))

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
        return weighed(self.parts(scene.motion, self.phase()), self.config).mean(1)


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
