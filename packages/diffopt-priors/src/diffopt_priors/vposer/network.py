"""The pose VAE in its two published editions (Pavlakos et al. 2019, sec. 3.3), from their layouts as facts.

Encoder: 63 axis-angle numbers -> mean and standard deviation of 32 latents; decoder: latents -> 21 rotations as
interleaved 6D. ``v1`` has a leaky slope of 0.2 and two hidden layers in the encoder; ``v2`` a slope of 0.01 and a
third one without an activation before it.
"""

from __future__ import annotations

from typing import Literal

from diffopt_core.rotation import interleaved_to_matrix
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from diffopt_priors.vposer.pose import JOINTS

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
