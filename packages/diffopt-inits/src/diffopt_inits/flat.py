"""The 2D evidence as rays, and how far each point is trusted."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffopt_core.skeleton import BLAZEPOSE33, LAYOUTS
from diffopt_core.types import CameraTrajectory, Observations
from jaxtyping import Float
from torch import Tensor

_SIDES = ("left", "right")
_LIMBS = {f"{s}_{part}" for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for s in _SIDES}
#: Feet and face are small and their places on the body less sure: they steer the pose but do not place the body.
#: Eyes, mouth and fingers take no part.
_STEERING = {
    f"{s}_{part}": trust for part, trust in (("heel", 0.5), ("foot_index", 0.5), ("ear", 0.25)) for s in _SIDES
}


@dataclass(frozen=True)
class Rays:
    """``ray = (u - c) / f`` of the 33 BlazePose points; ``focal`` px, mean of x and y.

    ``placing`` and ``steering``: weights for translation and pose, 0 where a point is absent.
    """

    ray: Float[Tensor, "T 33 2"]
    placing: Float[Tensor, "T 33"]
    steering: Float[Tensor, "T 33"]
    focal: Float[Tensor, "T"]


def rays_of(observations: Observations, camera: CameraTrajectory) -> Rays:
    """Keypoints of any layout that shares names with BlazePose's (float32, on the CPU)."""
    names = LAYOUTS[observations.layout]
    keypoints = observations.keypoints.detach().float().cpu()
    focal, centre = camera.focal.detach().float().cpu(), camera.centre.detach().float().cpu()
    frames = len(keypoints)
    ray, placing, steering = torch.zeros(frames, 33, 2), torch.zeros(frames, 33), torch.zeros(frames, 33)
    for i, name in enumerate(BLAZEPOSE33):
        if name not in names:
            continue
        point = keypoints[:, names.index(name)]
        confidence = point[:, 2] * observations.valid.cpu()
        ray[:, i] = torch.where(confidence[:, None] > 0, (point[:, :2] - centre) / focal, 0.0)
        placing[:, i] = confidence * float(name in _LIMBS)
        steering[:, i] = confidence * (1.0 if name in _LIMBS else _STEERING.get(name, 0.0))
    return Rays(ray, placing, steering, focal.mean(-1))
