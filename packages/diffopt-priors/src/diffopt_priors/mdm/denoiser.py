"""A network with everything that gives its numbers a meaning: statistics, skeleton, schedule, scaling.

Works on normalised features ``x = (f - mean) / std``. With ``sigma_data`` the network's output F is turned into
x0 as EDM does (Karras et al. 2022, eq. 7, written for a variance-preserving process)::

    x0 = c_skip x_t + c_out F     c_skip = alpha s^2 / (alpha^2 s^2 + sigma^2)
                                  c_out^2 = (1 - alpha c_skip)^2 + (c_skip sigma)^2

so a low noise level reproduces its input however weak the network is, and F has unit variance at every level.
``s`` = 1 is the velocity parametrisation, in which F must carry the noise of all channels through a narrow
network; motion lies near a thin manifold, and with a small ``s`` F is the motion itself until the noise is
about as small as ``s``.

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
        sigma_data: float | None,
    ) -> None:
        super().__init__()
        self.network = network
        self.diffusion = diffusion
        self.preconditioned = sigma_data is not None
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
        if sigma_data is not None:
            alpha, sigma = diffusion.get_buffer("alpha"), diffusion.get_buffer("sigma")
            skip = alpha * sigma_data**2 / ((alpha * sigma_data) ** 2 + sigma**2)
            out = ((1 - alpha * skip) ** 2 + (skip * sigma) ** 2).sqrt()
            diffusion.register_buffer("c_skip", skip, persistent=False)
            diffusion.register_buffer("c_out", out, persistent=False)

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
        if not self.preconditioned:
            return out
        return self.level("c_skip", t, root_t) * x_t + self.level("c_out", t, root_t) * out
