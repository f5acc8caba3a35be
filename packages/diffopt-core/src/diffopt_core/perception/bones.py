"""Proportions of the person: lengths of bones over those of the mean shape, up to one common factor."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ..data.geometry import project
from ..data.skeleton import JOINT, LAYOUTS
from ..interfaces import Body
from ..types import CameraFrameBody, CameraTrajectory, HumanMotion, Observations
from .facing import pose_of

Lengths = tuple[Float[Tensor, "S"], Float[Tensor, "S"]]
_SIDED = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"), ("shoulder", "hip"))
#: Ends of each bone, and the standard deviation of the logarithm of its length over all frames: detectors disagree on
#: where a joint is, and most on hips and shoulders (0.08, times sqrt 2 where both sides err alike; 0.12; 0.15).
_ENDS = [(f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for a, b in _SIDED]
_ENDS += [("left_shoulder", "right_shoulder"), ("left_hip", "right_hip")]
_BIAS = [0.11] * 10 + [0.12, 0.15]
#: Standard deviation of a keypoint, share of the depth over the focal length times 1 m; of a direction's depth.
_POINT_SD, _DEPTH_SD = 0.03, 0.3
#: Time after which errors are independent, s; reweighting rounds; confidence below which a point does not count.
_CORRELATED, _ROUNDS, _SEEN = 0.5, 8, 0.2


def rest_lengths(body: Body, betas: Float[Tensor, "n 10"]) -> Float[Tensor, "n S"]:
    """Of each shape, m, between its joints."""
    joints = body.rest_joints(betas)
    return torch.stack([(joints[:, JOINT[a]] - joints[:, JOINT[b]]).norm(dim=-1) for a, b in _ENDS], -1)


def told_lengths(body: Body, betas: Float[Tensor, "10"], sd: float) -> Lengths:
    """Of betas of another model, over that model's own mean shape, as logarithms with variances."""
    lengths = rest_lengths(body, torch.stack([torch.zeros_like(betas), betas])).log()
    return lengths[1] - lengths[0], torch.full_like(lengths[0], sd**2)


def of_mean_shape(first: CameraFrameBody, body: Body) -> HumanMotion:
    """The first poses in the camera's frame with the body's mean shape, a batch of one on the CPU."""
    return HumanMotion(pose_of(first)[None], first.transl.float().cpu()[None], torch.zeros(1, 10), body.name)


def seen_lengths(
    first: CameraFrameBody, observations: Observations, camera: CameraTrajectory, fps: float, body: Body
) -> Lengths:
    """Of bones in the images of all frames, over those of the mean shape in the first poses, as logarithms with
    variances.

    A bone that points at the camera says little; directions are the 3D landmarks', if there are any, since the first
    poses then follow the image with bones of the mean shape. Frames that disagree with the others count less.
    """
    layout, keypoints = observations.layout, observations.keypoints.float().cpu()
    points = body.keypoints(of_mean_shape(first, body), layout)[0]
    vector, middle = _between(points, layout)
    length = vector.norm(dim=-1)
    if observations.landmarks is not None and observations.landmark_layout is not None:
        told = _between(observations.landmarks[..., :3].float().cpu(), observations.landmark_layout)[0]
        there = told.norm(dim=-1, keepdim=True)
        vector = torch.where(there > 1e-3, told / there.clamp_min(1e-3) * length.unsqueeze(-1), vector)
    focal, centre = camera.focal.float().cpu(), camera.centre.float().cpu()
    ends = [project(middle + side * vector / 2, focal, centre) for side in (1, -1)]
    expected = (ends[0] - ends[1]).norm(dim=-1)
    found = _between(keypoints[..., :2], layout)[0].norm(dim=-1)
    confidence = _both(keypoints[..., 2], layout) * observations.valid.cpu().unsqueeze(-1)
    across = vector[..., :2].norm(dim=-1) / length.clamp_min(1e-3)
    pixel = focal.mean(-1, keepdim=True) / middle[..., 2].clamp_min(0.3)
    steep = (1 - across.square()).clamp_min(0.0)
    variance = (_POINT_SD * pixel / expected.clamp_min(1.0)).square() + steep * (
        _DEPTH_SD / across.clamp_min(0.1)
    ).square()
    ratio = (found / expected.clamp_min(1e-3)).clamp(0.05, 20.0).log()
    weight = torch.where(confidence > _SEEN, confidence, 0.0) / variance
    return _robust_mean(ratio, weight, variance, fps)


def _robust_mean(ratio: Tensor, weight: Tensor, variance: Tensor, fps: float) -> Lengths:
    """Mean over the frames of each bone by Geman-McClure, and its variance with the bias of all frames."""
    mean, counted = torch.zeros_like(ratio[0]), weight
    for _ in range(_ROUNDS):
        counted = weight / (1 + (ratio - mean).square() / (4 * variance)).square()
        mean = (counted * ratio).sum(0) / counted.sum(0).clamp_min(1e-6)
    together = max(1.0, _CORRELATED * fps)
    return mean, together / counted.sum(0).clamp_min(1e-6) + torch.tensor(_BIAS).square()


def _between(points: Tensor, layout: str) -> tuple[Tensor, Tensor]:
    """Vector and middle of each bone."""
    names = LAYOUTS[layout]
    a, b = (points[..., [names.index(ends[side]) for ends in _ENDS], :] for side in (0, 1))
    return a - b, (a + b) / 2


def _both(confidence: Tensor, layout: str) -> Tensor:
    names = LAYOUTS[layout]
    a, b = (confidence[..., [names.index(ends[side]) for ends in _ENDS]] for side in (0, 1))
    return torch.minimum(a, b)
