"""Settings of ``prior/gmm``. No torch here: ``diffopt plugins`` stays fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from diffopt_core.config import TermConfig
from pydantic import Field

if TYPE_CHECKING:
    from diffopt_core.interfaces import Energy, ProblemContext
    from diffopt_core.types import Scene
    from torch import Tensor


class GmmConfig(TermConfig):
    """Mixture of Gaussians over the pose of each frame (Bogo et al. 2016, sec. 3.2): negative log-likelihood of the
    best component, ``min_k (-log w_k N(theta; mu_k, Sigma_k))``, less its lowest value, over its dimensions.

    An affine map of the log-likelihood: 0 at the likeliest pose, about 0.3 to 1 on motion capture. It knows poses and
    not motion, and neither the root nor the path. A file of 69 dimensions (SMPLify's) sees joints 1 to 23, one of 63
    (the shipped one) joints 1 to 21, and leaves the hands alone.
    """

    licence: ClassVar[str] = (
        "Shipped weights 'open' were fitted on CMU mocap (free for all uses; acknowledgement requested) and 100STYLE "
        "(CC BY 4.0); the .json card beside them has the full text. SMPLify's gmm_08.pkl is for non-commercial "
        "research: https://smplify.is.tue.mpg.de"
    )

    weights: str = Field(
        "open",
        description="Name of shipped weights, or path of a .safetensors with its .json card, or of SMPLify's .pkl.",
    )

    def build(self, ctx: ProblemContext) -> Energy:
        """``energy(scene) -> [B]``, mean over frames, dimensionless."""
        from diffopt_smplify.gmm import weights

        mixture = weights.load(weights.resolve(self.weights)).to(ctx.device, ctx.initial.pose.dtype)

        def energy(scene: Scene) -> Tensor:
            return mixture.energy(scene.motion.pose).mean(1)

        return energy
