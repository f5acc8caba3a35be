"""A network with everything that gives its numbers a meaning: statistics, skeleton, schedule, scaling.

Works on normalised features ``x = (f - mean) / std``. With ``precondition`` the network's output F is turned
into x0 as EDM does (Karras et al. 2022, eq. 7): x0 = c_skip x_t + c_out F. For a variance-preserving process
and unit data variance, c_skip = alpha, c_out = -sigma and c_in = 1; so a low noise level reproduces its
input however weak the network is.

Two noise levels: ``t`` for the body, ``root_t`` for the trajectory channels (``layout.TRAJECTORY``). Equal
levels are ordinary diffusion; ``root_t`` near the end with a small ``t`` asks "what path belongs to this
articulation?".
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from diffopt_priors.mdm.diffusion import Diffusion
from diffopt_priors.mdm.layout import TRAJECTORY
from diffopt_priors.mdm.network import MDM


class Denoiser(nn.Module):
    """``predict(x_t, t, root_t) -> x0`` and its forward process."""

    def __init__(
        self,
        network: MDM,
        diffusion: Diffusion,
        *,
        mean: Float[Tensor, "D"],
        std: Float[Tensor, "D"],
        offsets: Float[Tensor, "24 3"],
        precondition: bool,
    ) -> None:
        super().__init__()
        self.network = network
        self.diffusion = diffusion
        self.precondition = precondition
        self.two_levels = network.embed_root_timestep is not None
        self.mean: Tensor
        self.std: Tensor
        self.offsets: Tensor
        self.trajectory: Tensor
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.register_buffer("offsets", offsets)
        mask = torch.zeros(len(mean), dtype=torch.bool)
        mask[list(TRAJECTORY)] = self.two_levels
        self.register_buffer("trajectory", mask, persistent=False)

    def normalise(self, features: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Zero mean, unit block variance."""
        return (features - self.mean) / self.std

    def denormalise(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Inverse of :meth:`normalise`."""
        return x * self.std + self.mean

    def level(self, name: str, t: Int[Tensor, "B"], root_t: Int[Tensor, "B"]) -> Float[Tensor, "B 1 D"]:
        """Schedule coefficient per channel."""
        body, root = self.diffusion.get_buffer(name)[torch.stack([t, root_t])].unbind(0)
        return torch.where(self.trajectory, root[:, None], body[:, None]).unsqueeze(1)

    def noised(self, x: Float[Tensor, "B T D"], t: Tensor, root_t: Tensor, noise: Tensor) -> Float[Tensor, "B T D"]:
        """Eq. 1 with the two levels."""
        return self.level("alpha", t, root_t) * x + self.level("sigma", t, root_t) * noise

    def predict(self, x_t: Float[Tensor, "B T D"], t: Tensor, root_t: Tensor) -> Float[Tensor, "B T D"]:
        """Estimate of x0 (normalised)."""
        out = self.network(x_t, t, root_t=root_t)
        if not self.precondition:
            return out
        return self.level("alpha", t, root_t) * x_t - self.level("sigma", t, root_t) * out
