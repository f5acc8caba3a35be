"""Settings of ``prior/smooth`` (the baseline, without weights) and of ``prior/gmm``. No torch at import."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from diffopt_core.config import TermConfig
from pydantic import Field, PositiveFloat

if TYPE_CHECKING:
    from diffopt_core.interfaces import Energy, ProblemContext
    from diffopt_core.types import Scene
    from torch import Tensor


#: An acceleration needs this many frames.
_FEWEST = 3


class SmoothConfig(TermConfig):
    """Mean squared acceleration of a motion, in units of typical human acceleration.

    Two parts. Joints: acceleration in the world, m/s^2, squared, mean over 24 joints and all frames. Rotations: angular
    acceleration of each joint in its own frame, rad/s^2, likewise; it covers motion that moves no joint (twist, head,
    hands, feet). On motion capture at 30 fps the energy is about 0.05 to 3, its median 0.6. Zero at constant velocity
    and constant angular velocity.
    """

    ragged: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"joints"})

    acceleration: PositiveFloat = Field(10.0, description="Typical acceleration of a joint, m/s^2 (RMS of mocap).")
    angular: PositiveFloat = Field(50.0, description="Typical angular acceleration of a joint, rad/s^2.")
    rotations: float = Field(
        0.5, ge=0, le=1, description="Weight of the rotations in the energy; the rest is for joints."
    )

    def build(self, ctx: ProblemContext) -> Energy:
        """``energy(scene) -> [B]``, dimensionless."""
        from diffopt_core.data.ragged import own_mean
        from diffopt_core.data.rotation import matrix_to_axis_angle
        from diffopt_core.errors import DiffOptError

        moves = None if ctx.own is None else ctx.own[:, 2:]
        frames = min(ctx.lengths or (ctx.initial.trans.shape[1],))
        if frames < _FEWEST:
            raise DiffOptError(f"prior smooth: a clip of {frames} frames is too short; at least {_FEWEST} are needed")
        rate = ctx.fps
        joints_scale = (1 - self.rotations) * (rate**2 / self.acceleration) ** 2
        turns_scale = self.rotations * (rate**2 / self.angular) ** 2

        def energy(scene: Scene) -> Tensor:
            assert scene.joints is not None
            pose = scene.motion.pose
            turn = matrix_to_axis_angle(pose[:, :-1].mT @ pose[:, 1:])  # rad per frame, in the joint's own frame
            squared = joints_scale * scene.joints.diff(n=2, dim=1).square().sum(-1)
            squared = squared + turns_scale * turn.diff(dim=1).square().sum(-1)
            return own_mean(squared.mean(2), moves)

        return energy


class GmmConfig(TermConfig):
    """Mixture of Gaussians over the pose of each frame (Bogo et al. 2016, sec. 3.2): negative log-likelihood of the
    best component, ``min_k (-log w_k N(theta; mu_k, Sigma_k))``, less its lowest value, over its dimensions.

    An affine map of the log-likelihood: 0 at the most likely pose, about 0.3 to 1 on motion capture. It models single
    poses, not motion, and neither root orientation nor translation. A file of 69 dimensions (SMPLify's) covers joints 1
    to 23, one of 63 (the shipped one) joints 1 to 21, without the hands.
    """

    ragged: ClassVar[bool] = True
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
        from diffopt_core.data.ragged import own_mean

        from diffopt_smplify.mixture import load, resolve

        mixture = load(resolve(self.weights)).to(ctx.device, ctx.initial.pose.dtype)
        own = ctx.own

        def energy(scene: Scene) -> Tensor:
            return own_mean(mixture.energy(scene.motion.pose), own)

        return energy
