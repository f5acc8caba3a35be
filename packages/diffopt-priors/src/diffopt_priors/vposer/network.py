"""VPoser's networks, and rotations as they see them."""

from __future__ import annotations

from typing import Literal

import torch
from diffopt_core.data.invariant import atan2
from diffopt_core.data.rotation import interleaved_to_matrix
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

#: SMPL joints 1 to 21; 22 and 23 are the hands.
JOINTS = 21


def body_of(pose: Float[Tensor, "*b 24 3 3"]) -> Float[Tensor, "*b 21 3 3"]:
    """Rotations of joints 1 to 21: what is left when root and hands are taken away."""
    return pose[..., 1 : 1 + JOINTS, :, :]


def to_axis_angle(matrix: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 3"]:
    """Axis-angle, rad, norm at most pi. Selections only: no wait for the device, finite gradients at any angle."""
    m = matrix.flatten(-2)
    trace = m[..., 0] + m[..., 4] + m[..., 8]
    skew = torch.stack([m[..., 7] - m[..., 5], m[..., 2] - m[..., 6], m[..., 3] - m[..., 1]], -1)
    # 4 q q^T of the unit quaternion q = (x, y, z, w); its longest row is far from zero.
    vector = matrix + matrix.mT + (1 - trace)[..., None, None] * torch.eye(3, dtype=m.dtype, device=m.device)
    outer = torch.cat([torch.cat([vector, skew.unsqueeze(-1)], -1), _last_row(skew, trace)], -2)
    longest = outer.diagonal(dim1=-2, dim2=-1).argmax(-1)[..., None, None]
    row = outer.gather(-2, longest.expand(*longest.shape[:-1], 4)).squeeze(-2)
    q = torch.nn.functional.normalize(row, dim=-1)
    q = torch.where(q[..., 3:] < 0, -q, q)
    half = q[..., :3]
    squared = half.square().sum(-1, keepdim=True)
    tiny = squared < 1e-8
    sine = torch.where(tiny, torch.ones_like(squared), squared).sqrt()
    return half * torch.where(tiny, 2 + squared / 3, 2 * atan2(sine, q[..., 3:]) / sine)


def _last_row(skew: Tensor, trace: Tensor) -> Tensor:
    return torch.cat([skew, (1 + trace).unsqueeze(-1)], -1).unsqueeze(-2)


def rotation_error(a: Float[Tensor, "*b J 3 3"], b: Float[Tensor, "*b J 3 3"]) -> Float[Tensor, "*b"]:
    """Sum over joints of ``4 sin(angle / 2)^2``: squared angle in rad^2 where small, smooth everywhere."""
    return 0.5 * (a - b).square().sum((-1, -2, -3))


Edition = Literal["v1", "v2"]
WIDTH, LATENT = 512, 32
_SLOPE = {"v1": 0.2, "v2": 0.01}
_DROPOUT = 0.1


class VPoser(nn.Module):
    """``encode`` and ``decode``. Batch statistics are frozen in evaluation mode, so poses do not see one another."""

    def __init__(self, edition: Edition = "v2", width: int = WIDTH, latent: int = LATENT) -> None:
        super().__init__()
        self.edition, self.width, self.latent = edition, width, latent
        slope = _SLOPE[edition]
        self.encoder = nn.Sequential(
            nn.BatchNorm1d(3 * JOINTS),
            nn.Linear(3 * JOINTS, width),
            nn.LeakyReLU(slope),
            nn.BatchNorm1d(width),
            nn.Dropout(_DROPOUT),
            nn.Linear(width, width),
            nn.LeakyReLU(slope) if edition == "v1" else nn.Linear(width, width),
        )
        self.mean = nn.Linear(width, latent)
        self.scale = nn.Linear(width, latent)
        self.decoder = nn.Sequential(
            nn.Linear(latent, width),
            nn.LeakyReLU(slope),
            nn.Dropout(_DROPOUT),
            nn.Linear(width, width),
            nn.LeakyReLU(slope),
            nn.Linear(width, 6 * JOINTS),
        )

    def encode(self, axis_angle: Float[Tensor, "N 21 3"]) -> tuple[Float[Tensor, "N 32"], Float[Tensor, "N 32"]]:
        """Mean and standard deviation of q(z | pose); axis-angle in rad."""
        hidden = self.encoder(axis_angle.flatten(1))
        return self.mean(hidden), softplus(self.scale(hidden))

    def decode(self, z: Float[Tensor, "*b 32"]) -> Float[Tensor, "*b 21 3 3"]:
        """Rotations of joints 1 to 21."""
        return interleaved_to_matrix(self.decoder(z).unflatten(-1, (JOINTS, 6)))

    def settings(self) -> dict[str, object]:
        """What a card has to say to build it again."""
        return {"edition": self.edition, "width": self.width, "latent": self.latent}
