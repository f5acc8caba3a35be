"""A mixture of Gaussians over poses, held in the form in which it is evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi

import torch
from diffopt_core.data.rotation import matrix_to_axis_angle
from jaxtyping import Float
from torch import Tensor


def pose_vector(pose: Float[Tensor, "*b 24 3 3"], dimensions: int) -> Float[Tensor, "*b D"]:
    """Axis-angles (rad, norm at most pi) of joints 1 to D / 3, one after the other as SMPL stores them."""
    return matrix_to_axis_angle(pose[..., 1 : 1 + dimensions // 3, :, :]).flatten(-2)


@dataclass(frozen=True)
class Mixture:
    """K Gaussians in D dimensions. ``whiten``: inverse Cholesky factors, lower; ``centre``: whitened means;
    ``constant``: -log w_k + log det(Sigma_k) / 2 + D log(2 pi) / 2."""

    whiten: Float[Tensor, "K D D"]
    centre: Float[Tensor, "K D"]
    constant: Float[Tensor, "K"]

    @classmethod
    def of(
        cls, weights: Float[Tensor, "K"], means: Float[Tensor, "K D"], covariances: Float[Tensor, "K D D"]
    ) -> Mixture:
        """Raises ``torch.linalg.LinAlgError`` where a covariance is not positive definite."""
        factor = torch.linalg.cholesky(covariances)
        eye = torch.eye(means.shape[1], dtype=means.dtype).expand_as(factor)
        whiten = torch.linalg.solve_triangular(factor, eye, upper=False)
        centre = (whiten @ means.unsqueeze(-1)).squeeze(-1)
        half_log_det = factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return cls(whiten, centre, half_log_det - weights.log() + 0.5 * means.shape[1] * log(2 * pi))

    def to(self, device: torch.device, dtype: torch.dtype) -> Mixture:
        """A copy elsewhere."""
        return Mixture(*(part.to(device, dtype) for part in (self.whiten, self.centre, self.constant)))

    def component_nll(self, x: Float[Tensor, "*b D"]) -> Float[Tensor, "*b K"]:
        """``-log w_k N(x; mu_k, Sigma_k)`` of each component, nats. One product for all of them."""
        dimensions = self.whiten.shape[-1]
        white = (x @ self.whiten.reshape(-1, dimensions).T).unflatten(-1, (-1, dimensions)) - self.centre
        return 0.5 * white.square().sum(-1) + self.constant

    def nll(self, x: Float[Tensor, "*b D"]) -> Float[Tensor, "*b"]:
        """Negative log-likelihood of the best component: the sum over components replaced by its largest term."""
        return self.component_nll(x).amin(-1)

    def energy(self, pose: Float[Tensor, "*b 24 3 3"]) -> Float[Tensor, "*b"]:
        """``(nll - lowest nll) / D``."""
        dimensions = self.whiten.shape[-1]
        return (self.nll(pose_vector(pose, dimensions)) - self.constant.amin()) / dimensions
