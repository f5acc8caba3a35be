"""Inputs of the network: centred points, the camera's angular velocity, and optional estimates.

Points are rays (x / z, y / z), independent of the focal length. Centre and size are confidence-weighted means, which
are more robust to outliers than a bounding box.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffopt_core.data.rotation import matrix_to_axis_angle, matrix_to_columns
from diffopt_core.data.skeleton import BLAZEPOSE33
from diffopt_core.types import CameraFrameBody, CameraTrajectory, Observations
from jaxtyping import Float
from torch import Tensor

from .outputs import ROTATIONS
from .points import POINTS, gather

#: Least number of points that determine the person's position.
_FEWEST = 3
#: Normalisation: log size of a person who fills a third of an image; a large angular velocity.
_LOG_SIZE, _FAST = -1.8, 2.0
_P = len(POINTS)
#: Number of channels: points and confidences; present, centre, log size, their rates, turning, frame rate; regressor;
#: landmarks.
CHANNELS = 3 * _P + (1 + 3 + 3 + 3 + 1) + (6 * ROTATIONS + 1 + 1 + 1) + 4 * _P


@dataclass(frozen=True)
class Evidence:
    """Inputs of windows.

    ``points``: rays of our points and confidences (0: not seen). ``turning``: rotation of the camera, rad/s in its own
    axes. ``fps``: of each window. ``pose``: a regressor's root in the camera frame and 21 joints, with ``pose_seen`` (1
    if there is one); ``pose_depth``: the regressor's depth of the pelvis in leg lengths, 0 if unknown. ``landmarks``:
    3D points in leg lengths relative to the mid-hip, camera axes, and their visibility.
    """

    points: Float[Tensor, "B T P 3"]
    turning: Float[Tensor, "B T 3"]
    fps: Float[Tensor, "B"]
    pose: Float[Tensor, "B T 22 3 3"] | None = None
    pose_seen: Float[Tensor, "B T"] | None = None
    pose_depth: Float[Tensor, "B T"] | None = None
    landmarks: Float[Tensor, "B T P 4"] | None = None


@dataclass(frozen=True)
class Frame:
    """The person in the image: ``centre`` (ray), ``size`` (root mean square distance of the points, in rays) and
    ``present``, 1 if enough points are detected; otherwise centre and size are meaningless."""

    centre: Float[Tensor, "B T 2"]
    size: Float[Tensor, "B T"]
    present: Float[Tensor, "B T"]


def frame_of(points: Float[Tensor, "B T P 3"]) -> Frame:
    """Centre and size of the detected points."""
    weight = points[..., 2]
    total = weight.sum(-1).clamp_min(1e-6)
    centre = (weight.unsqueeze(-1) * points[..., :2]).sum(-2) / total.unsqueeze(-1)
    away = (points[..., :2] - centre.unsqueeze(-2)).square().sum(-1)
    size = ((weight * away).sum(-1) / total).sqrt()
    present = ((weight > 0).sum(-1) >= _FEWEST) & (size > 1e-5)
    return Frame(centre, torch.where(present, size, 1.0), present.to(points))


def turning(R: Float[Tensor, "*b T 3 3"], fps: Tensor) -> Float[Tensor, "*b T 3"]:
    """Angular velocity of cameras, rad/s, in their own axes; the last frame repeats the previous one."""
    step = matrix_to_axis_angle(R[..., 1:, :, :] @ R[..., :-1, :, :].mT)
    last = step[..., -1:, :] if step.shape[-2] else torch.zeros_like(R[..., 0])
    return torch.cat([step, last], -2) * fps[..., None, None]


def rate(x: Float[Tensor, "B T D"], present: Float[Tensor, "B T"], fps: Float[Tensor, "B"]) -> Float[Tensor, "B T D"]:
    """Change per second to the next frame; 0 if either of the two is missing."""
    step = (x[:, 1:] - x[:, :-1]) * (present[:, 1:] * present[:, :-1]).unsqueeze(-1)
    return torch.cat([step, torch.zeros_like(x[:, :1])], 1) * fps[:, None, None]


def features(evidence: Evidence, frame: Frame) -> Float[Tensor, "B T C"]:
    """Input channels of the network."""
    points, fps, present = evidence.points, evidence.fps, frame.present.unsqueeze(-1)
    B, T = points.shape[:2]
    size = frame.size.unsqueeze(-1)
    seen = (points[..., 2] > 0).to(points) * present
    inside = (points[..., :2] - frame.centre.unsqueeze(-2)) / size.unsqueeze(-1) * seen.unsqueeze(-1)
    place = torch.cat([frame.centre, (size.log() - _LOG_SIZE)], -1) * present
    moving = rate(torch.cat([frame.centre, size], -1), frame.present, fps) / size * present
    parts = [
        inside.clamp(-6, 6).flatten(2),
        points[..., 2] * present,
        present,
        place,
        moving.clamp(-20, 20) / _FAST,
        evidence.turning.clamp(-20, 20) / _FAST,
        (fps / 30).log()[:, None, None].expand(B, T, 1),
        *_pose(evidence, frame),
        *_landmarks(evidence),
    ]
    return torch.cat(parts, -1)


def _pose(evidence: Evidence, frame: Frame) -> list[Tensor]:
    B, T = frame.size.shape
    if evidence.pose is None or evidence.pose_seen is None:
        return [frame.size.new_zeros(B, T, 6 * ROTATIONS + 3)]
    seen = evidence.pose_seen.unsqueeze(-1)
    depth = evidence.pose_depth if evidence.pose_depth is not None else torch.zeros_like(frame.size)
    placed = ((depth > 0) & (frame.present > 0)).to(depth) * evidence.pose_seen
    relative = (depth.clamp_min(1e-3) * frame.size).log() * placed
    return [matrix_to_columns(evidence.pose).flatten(2) * seen, seen, relative.unsqueeze(-1), placed.unsqueeze(-1)]


def _landmarks(evidence: Evidence) -> list[Tensor]:
    if evidence.landmarks is None:
        return [evidence.points.new_zeros(*evidence.points.shape[:2], 4 * _P)]
    seen = evidence.landmarks[..., 3]
    return [(evidence.landmarks[..., :3] * (seen > 0).unsqueeze(-1)).clamp(-4, 4).flatten(2), seen]


def observed(
    observations: Observations, camera: CameraTrajectory, body: CameraFrameBody | None, leg: float, fps: float
) -> Evidence:
    """Inputs of one clip (batch 1). ``leg``: leg length, m."""
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
    """1 in frames that the other initializer estimated, 0 in interpolated ones."""
    seen = valid.clone()
    seen[[f for f in body.facts.get("filled", []) if f < len(seen)]] = 0.0
    return seen


def landmarks(observations: Observations, leg: float) -> Float[Tensor, "1 T P 4"] | None:
    """3D landmarks in leg lengths, if the detector gave BlazePose's."""
    found = observations.landmarks
    if found is None or len(BLAZEPOSE33) != found.shape[-2]:
        return None
    points = gather(finite(found.float()), "blazepose33")
    seen = points[..., 3].clamp(0, 1) * observations.valid.unsqueeze(1)
    return torch.cat([points[..., :3] / leg, seen.unsqueeze(-1)], -1)[None]


def finite(points: Float[Tensor, "T J D"]) -> Float[Tensor, "T J D"]:
    """Points with non-finite values replaced by zeros with confidence 0."""
    good = torch.isfinite(points).all(-1, keepdim=True)
    return torch.where(good, points, 0.0)
