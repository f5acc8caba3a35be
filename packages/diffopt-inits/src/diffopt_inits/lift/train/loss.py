"""The training loss: robust errors of the means, and the likelihood of those errors under the variances.

The likelihood uses detached errors, so that it trains only the variances.
"""

from __future__ import annotations

import torch
from diffopt_core.data.geometry import forward_kinematics
from diffopt_core.data.skeleton import PARENTS
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from ..outputs import ROTATIONS, Outputs
from .evidence import Target
from .motion import speed_of

_TREE = PARENTS[:ROTATIONS]
#: Weight of each part; lengths in leg lengths.
WEIGHTS = {
    "joints": 10.0, "rotations": 0.5, "motion": 0.2, "up": 1.0, "velocity": 1.0, "depth": 1.0, "ray": 0.5,
    "contact": 0.3, "likelihood": 0.05,
}  # fmt: skip


def joints_of(rotations: Float[Tensor, "B T 22 3 3"], rest: Float[Tensor, "B 24 3"]) -> Float[Tensor, "B T 22 3"]:
    """Joints relative to the pelvis."""
    spread = rest[:, None, :ROTATIONS].expand(-1, rotations.shape[1], -1, -1)
    return forward_kinematics(rotations, spread, _TREE)[1]


def loss(out: Outputs, target: Target, fps: Float[Tensor, "B"]) -> dict[str, Tensor]:
    """Means of all parts over windows and frames; ``loss`` is the total."""
    made, true = joints_of(out.rotations, target.rest), joints_of(target.rotations, target.rest)
    turned = (out.rotations - target.rotations).square().sum((-1, -2))  # about 2 angle^2
    tilted = (out.up - target.up).square().sum(-1)
    deep, aside = out.depth - target.depth, (out.ray - target.ray).square().sum(-1)
    drifting = out.velocity - target.velocity
    present, upright = target.present, target.upright[:, None].expand_as(target.present)
    recorded = target.recorded[:, None, None].expand_as(out.contact)
    standing = binary_cross_entropy_with_logits(out.contact, target.contact.float(), reduction="none")
    parts = {
        "joints": (made - true).norm(dim=-1).mean(),
        "rotations": (turned + 1e-4).sqrt().mean(),
        "motion": (speed_of(made, fps) - speed_of(true, fps)).norm(dim=-1).mean(),
        "up": _mean((tilted + 1e-5).sqrt() + 2.5 * tilted, upright),
        "velocity": (drifting.square() + 1e-5).sqrt().sum(-1).mean(),
        "depth": _mean((deep.square() + 1e-5).sqrt(), present),
        "ray": _mean((aside + 1e-5).sqrt(), present),
        "contact": _mean(standing, recorded),
        "likelihood": surprise(turned.detach() / 2, out.rotations_log_var, 3).mean(-1).mean()
        + surprise(tilted.detach(), out.up_log_var, 2).mean()
        + surprise(drifting.detach().square(), out.velocity_log_var, 1).mean()
        + _mean(surprise(deep.detach().square(), out.depth_log_var, 1), present)
        + _mean(surprise(aside.detach(), out.ray_log_var, 2), present),
    }  # fmt: skip
    total = sum(WEIGHTS[name] * value for name, value in parts.items())
    return {"loss": torch.as_tensor(total), **parts}


def surprise(squared: Tensor, log_var: Tensor, axes: int) -> Tensor:
    """Negative log likelihood per axis, without constant, of an error of ``axes`` axes with squared norm
    ``squared``."""
    return 0.5 * (squared / axes * torch.exp(-log_var) + log_var)


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / weight.sum().clamp_min(1.0)
