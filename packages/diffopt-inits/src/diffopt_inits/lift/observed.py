"""From what was perceived of a clip to what the network reads, in leg lengths."""

from __future__ import annotations

import torch
from diffopt_core.data.skeleton import BLAZEPOSE33
from diffopt_core.types import CameraFrameBody, CameraTrajectory, Observations
from jaxtyping import Float
from torch import Tensor

from .inputs import Evidence, turning
from .outputs import ROTATIONS
from .points import gather


def observed(
    observations: Observations, camera: CameraTrajectory, body: CameraFrameBody | None, leg: float, fps: float
) -> Evidence:
    """Evidence of one clip (batch 1). ``leg``: leg length, m."""
    valid = observations.valid.float()
    points = gather(finite(observations.keypoints.float()), observations.layout)
    rays = (points[..., :2] - camera.centre.unsqueeze(1)) / camera.focal.unsqueeze(1)
    seen = points[..., 2].clamp(0, 1) * valid.unsqueeze(1)
    rate = torch.tensor([fps])
    pose = None if body is None else torch.cat([body.global_orient.unsqueeze(1), body.body_pose], 1)[:, :ROTATIONS]
    return Evidence(
        points=torch.cat([rays * (seen > 0).unsqueeze(-1), seen.unsqueeze(-1)], -1)[None],
        turning=turning(camera.R.float(), torch.tensor(fps))[None],
        fps=rate,
        pose=None if pose is None else pose.float()[None],
        pose_seen=None if body is None else trusted(body, valid)[None],
        pose_depth=None if body is None else (body.transl[:, 2].float() / leg).clamp_min(0)[None],
        landmarks=landmarks(observations, leg),
    )


def trusted(body: CameraFrameBody, valid: Float[Tensor, "T"]) -> Float[Tensor, "T"]:
    """1 in frames that the other initializer saw, 0 where it filled in."""
    seen = valid.clone()
    seen[[f for f in body.facts.get("filled", []) if f < len(seen)]] = 0.0
    return seen


def landmarks(observations: Observations, leg: float) -> Float[Tensor, "1 T P 4"] | None:
    """3D landmarks in legs, where the detector gave BlazePose's."""
    found = observations.landmarks
    if found is None or len(BLAZEPOSE33) != found.shape[-2]:
        return None
    points = gather(finite(found.float()), "blazepose33")
    seen = points[..., 3].clamp(0, 1) * observations.valid.unsqueeze(1)
    return torch.cat([points[..., :3] / leg, seen.unsqueeze(-1)], -1)[None]


def finite(points: Float[Tensor, "T J D"]) -> Float[Tensor, "T J D"]:
    """With confidence 0 instead of numbers that are none."""
    good = torch.isfinite(points).all(-1, keepdim=True)
    return torch.where(good, points, 0.0)
