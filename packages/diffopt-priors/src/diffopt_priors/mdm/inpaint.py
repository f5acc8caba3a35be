"""Which feature channels the image shows: 2D confidence of each joint, for soft inpainting of the target.

After COIN (Li et al. 2024): target = M x + (1 - M) x0 with M = max(0, 2 t - 1) S. S is the confidence of a joint's
keypoint in its position, rotation and velocity channels; 0 where no keypoint shows the joint, and 0 in the root's
channels and the contacts, because an image does not show the path.
"""

from __future__ import annotations

import torch
from diffopt_core.data.skeleton import JOINTS, LAYOUTS
from diffopt_core.errors import DiffOptError
from diffopt_core.types import Observations
from jaxtyping import Float
from torch import Tensor

from diffopt_priors.mdm.layout import DIM, NUM_FEATURE_JOINTS, POSITIONS, ROTATIONS, VELOCITIES

#: Keypoints that show a joint under another name, in order of preference.
_STAND_IN = {
    "head": ("nose",),
    "left_foot": ("left_foot_index", "left_big_toe"),
    "right_foot": ("right_foot_index", "right_big_toe"),
}


def shown_by(layout: str) -> tuple[int | None, ...]:
    """For each of the 22 joints the index of its keypoint in the layout, or None."""
    if layout not in LAYOUTS:
        raise DiffOptError(f"prior.inpaint: keypoint layout '{layout}' is not one of {', '.join(LAYOUTS)}")
    names = LAYOUTS[layout]
    found = []
    for joint in JOINTS[:NUM_FEATURE_JOINTS]:
        match = [name for name in (joint, *_STAND_IN.get(joint, ())) if name in names]
        found.append(names.index(match[0]) if match else None)
    return tuple(found)


def observed_channels(observations: Observations, *, velocities: bool) -> Float[Tensor, "B T 263"]:
    """S: confidence in [0, 1] of every channel; 0 in frames without a person.

    velocities: whether joint velocities are free of the path. The embedded features' are, the official ones are not.
    """
    confidence = observations.keypoints[..., 2].clamp(0, 1) * observations.valid.unsqueeze(-1)
    absent = torch.zeros_like(confidence[..., 0])
    shown = shown_by(observations.layout)
    joints = torch.stack([absent if k is None else confidence[..., k] for k in shown], dim=-1)
    out = confidence.new_zeros(*confidence.shape[:-1], DIM)
    out[..., POSITIONS] = joints[..., 1:].repeat_interleave(3, dim=-1)
    out[..., ROTATIONS] = joints[..., 1:].repeat_interleave(6, dim=-1)
    if velocities:  # the first three of them are the root's own
        out[..., VELOCITIES.start + 3 : VELOCITIES.stop] = joints[..., 1:].repeat_interleave(3, dim=-1)
    return out
