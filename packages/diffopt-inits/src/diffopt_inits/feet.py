"""2D keypoints as rays with weights, and 3D foot points from rays."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffopt_core.data.skeleton import BLAZEPOSE33, JOINT, LAYOUTS
from diffopt_core.types import CameraTrajectory, Observations
from jaxtyping import Float
from torch import Tensor

from .rest import RestBody

_SIDES = ("left", "right")
_LIMBS = {f"{s}_{part}" for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for s in _SIDES}
#: Feet and face are small and less well localised: they are used for the pose but not for the translation. Eyes, mouth
#: and fingers are not used.
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


def lift_feet(
    landmarks: Float[Tensor, "T 33 3"],
    rays: Rays,
    rotations: Float[Tensor, "T 24 3 3"],
    depth: Float[Tensor, "T 24"],
    rest: RestBody,
) -> Float[Tensor, "T 33 3"]:
    """Landmarks with each foot index moved so that its offset from the heel agrees with the image, if both are visible.

    ``rotations`` and ``depth`` (m): of the joints in the camera frame, from an initial estimate of the body.
    """
    out = landmarks.clone()
    for side in ("left", "right"):
        heel, toe = (BLAZEPOSE33.index(f"{side}_{part}") for part in ("heel", "foot_index"))
        length = (rest.points[toe] - rest.points[heel]).norm()
        ray = (rays.ray[:, toe] + rays.ray[:, heel]) / 2
        across = (rays.ray[:, toe] - rays.ray[:, heel]) * depth[:, JOINT[f"{side}_ankle"], None]
        left = (length.square() - across.square().sum(-1)).clamp_min(0.0).sqrt()
        front = rotations[:, JOINT[f"{side}_knee"], :, 2]
        told = landmarks[:, toe] - landmarks[:, heel] + length * front / 2
        along = torch.where((told * _with_one(ray)).sum(-1) < 0, -left, left)
        # a point that moves along its ray by dz moves across by ray * dz
        foot = torch.cat([across + ray * along[:, None], along[:, None]], -1)
        seen = (rays.steering[:, [heel, toe]] > 0).all(-1, keepdim=True)
        out[:, toe] = torch.where(seen, landmarks[:, heel] + foot, landmarks[:, toe])
    return out


def _with_one(ray: Tensor) -> Tensor:
    return torch.cat([ray, torch.ones_like(ray[..., :1])], -1)
