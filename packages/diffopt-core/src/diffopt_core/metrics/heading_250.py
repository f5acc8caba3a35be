"""Global error in heading coordinates, as GLAMR measures it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ..interfaces import Scored
from ..rotation import yaw_to_matrix
from .evidence import NotScorable, distance_mm, index_of, pair, root

FRAMES = 250
_UPRIGHT = 1e-3  # share of the hip and shoulder width that must be horizontal


class Heading250:
    """``mean_j |a(p)_tj - a(g)_tj|`` in mm, a value a frame. Both worlds must have Y up.

    ``a`` puts a trajectory into its own heading frame: horizontal root position at the origin, heading along +Z,
    height kept. No fit of one motion to the other. It is renewed every 250 frames, at the last frame of the segment
    before. Source: GLAMR (Yuan et al., CVPR 2022), ``global_recon/utils/evaluator.py``, which takes the heading from
    the root rotation and scores 14 joints; here it is the horizontal direction across hips and shoulders (as in
    HumanML3D), because that exists for every layout, and all joints are scored.
    """

    unit = "mm"

    def __call__(self, scored: Scored) -> Float[Tensor, "T"]:
        pred, true = pair(scored)
        segments = []
        for start in range(0, len(pred), FRAMES):
            anchor = max(start - 1, 0)
            part = slice(start, start + FRAMES)
            segments.append(
                distance_mm(_in_heading(scored, pred, anchor, part), _in_heading(scored, true, anchor, part))
            )
        return torch.cat(segments)


def _in_heading(scored: Scored, joints: Tensor, anchor: int, part: slice) -> Tensor:
    left = joints[anchor, index_of(scored, "left_hip", "left_shoulder")].mean(0)
    right = joints[anchor, index_of(scored, "right_hip", "right_shoulder")].mean(0)
    across = left - right
    forward = torch.stack([-across[2], across[0]])  # x and z of across cross up
    if not forward.norm() > _UPRIGHT * across.norm():
        raise NotScorable(f"the body has no heading in frame {anchor}: hips and shoulders coincide or lie upright")
    turn = yaw_to_matrix(-torch.atan2(forward[0], forward[1]))
    origin = root(scored, joints)[anchor] * joints.new_tensor([1.0, 0.0, 1.0])
    return (joints[part] - origin) @ turn.mT
