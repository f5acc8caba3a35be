"""VPoser as a term of the energy, in the two forms that the SMPLify family uses.

Both are means over frames and over latents, so that a typical pose is worth about 0.5 and the weights of a recipe
carry over from other priors. The constant of the Gaussian is left out. Root, path and hands are not seen.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from diffopt_core.data.ragged import own_mean
from diffopt_core.errors import DiffOptError
from diffopt_core.interfaces import ProblemContext
from diffopt_core.types import Scene
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.configs import VPoserConfig
from diffopt_priors.vposer import weights
from diffopt_priors.vposer.network import JOINTS, VPoser, body_of, rotation_error, to_axis_angle


def encoded(network: VPoser, body: Float[Tensor, "B T 21 3 3"]) -> Float[Tensor, "B T 32"]:
    """Mean of the encoded poses."""
    mean, _ = network.encode(to_axis_angle(body).flatten(0, 1))
    return mean.unflatten(0, body.shape[:2])


def unlikeliness(z: Float[Tensor, "*b 32"]) -> Float[Tensor, "*b"]:
    """Negative log-likelihood under N(0, I) a latent, nat, without its constant."""
    return 0.5 * z.square().mean(-1)


def misfit(a: Float[Tensor, "*b 21 3 3"], b: Float[Tensor, "*b 21 3 3"], spread: float) -> Float[Tensor, "*b"]:
    """Mean over joints of the squared angle, in units of ``spread``."""
    return rotation_error(a, b) / (JOINTS * spread**2)


def _network(config: VPoserConfig, ctx: ProblemContext) -> VPoser:
    network, _ = weights.load(weights.resolve(config.weights))
    return network.to(ctx.device)


class NLLPrior:
    """Likelihood of the encoded pose, and how far the pose is from its reconstruction."""

    def __init__(self, config: VPoserConfig, ctx: ProblemContext) -> None:
        self.network, self.config, self.own = _network(config, ctx), config, ctx.own

    def frames(self, pose: Float[Tensor, "B T 24 3 3"]) -> Float[Tensor, "B T"]:
        """Energy of each frame."""
        body = body_of(pose)
        z = encoded(self.network, body)
        energy = unlikeliness(z)
        if self.config.reconstruction:
            fit = misfit(body, self.network.decode(z), self.config.spread)
            energy = energy + self.config.reconstruction * fit
        return energy

    def __call__(self, scene: Scene) -> Float[Tensor, "B"]:
        return own_mean(self.frames(scene.motion.pose), self.own)


class LatentPrior:
    """A code per frame, started at the encoded initial pose: likelihood of the code, and the pose tied to it."""

    def __init__(self, config: VPoserConfig, ctx: ProblemContext) -> None:
        self.network, self.config, self.own = _network(config, ctx), config, ctx.own
        with torch.no_grad():
            z = encoded(self.network, body_of(ctx.initial.pose))
        self.z = z.clone().requires_grad_(True)
        self.moved = False

    def variables(self) -> Mapping[str, list[Tensor]]:
        """``z``: ``B T 32``."""
        return {"z": [self.z]}

    def __call__(self, scene: Scene) -> Float[Tensor, "B"]:
        # A recipe may alternate: once freed, the code may well rest while the motion moves.
        self.moved = self.moved or self.z.requires_grad
        if not self.moved:
            raise DiffOptError(
                "prior vposer: form 'latent' optimises a code per "
                "frame, which the first block that weighs `prior` does "
                "not free; add 'prior.*' to its `free`, or run --recipe vposer-latent"
            )
        fit = misfit(body_of(scene.motion.pose), self.network.decode(self.z), self.config.spread)
        return own_mean(unlikeliness(self.z) + self.config.tie * fit, self.own)
