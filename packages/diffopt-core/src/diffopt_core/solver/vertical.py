"""The vertical of a camera's world, and the rotation that brings it to +Y."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from ..data.skeleton import JOINT
from ..host.recipe import PlaceSpec
from ..types import CameraTrajectory, MotionEvidence

#: Angle from the image's up above which neither a trunk nor a network is believed to show the vertical, rad; the
#: standard deviations of the image's own up that then takes its place, and that stands beside a trunk that turns over.
LYING, IMAGE_UP, IMAGE_BESIDE = 1.05, 0.26, 0.35
#: A trunk that turns by more than this (circular variance, rad^2) shows less of the vertical, by the rest of it.
_SWAYS = 0.05
#: Roll of the camera against the trunk up to which cameras are taken as level, rad; beyond it they are the less.
_LEVEL = 0.35


def find_up(
    joints: Float[Tensor, "B T 24 3"],
    camera: CameraTrajectory,
    spec: PlaceSpec,
    evidence: MotionEvidence | None = None,
) -> Float[Tensor, "B 3"]:
    """Unit vector of the vertical in the camera's world.

    Least squares of cues: the mean trunk points up (to ``trunk_sigma``), and a hand-held camera's x axis is level (to
    ``roll_sigma``). One x axis determines only roll; a camera that turns determines the pitch as well. With
    ``travel_sigma`` there is a third: the pelvis stays at one height, to this many metres (a runner's trunk leans). If
    an initializer estimates the vertical, it replaces the first two cues, which its input contains; lines in the images
    (``camera.up``) replace the second.

    Cues that contradict each other lose their weight: a trunk that turns over, or lies across the image's up, where
    that takes its place; a level camera whose roll the trunk denies; a trunk that leans away from the lines.
    """
    trunk = joints[:, :, JOINT["neck"]] - joints[:, :, JOINT["pelvis"]]
    summed = normalize(trunk, dim=-1).mean(1)
    mean = normalize(summed, dim=-1)
    if spec.up == "trunk":
        return mean
    across = camera.R[:, :, 0]
    level = (across.unsqueeze(-1) * across.unsqueeze(-2)).mean(1) / spec.roll_sigma**2
    spread: Tensor = torch.full_like(mean[:, :1, None], spec.trunk_sigma**2)
    sways = (-2 * summed.norm(dim=-1).clamp_min(1e-6).log() - _SWAYS).clamp_min(0.0)[:, None, None]
    if evidence is not None:
        mean, spread = evidence_up(evidence, camera)
        level = torch.zeros_like(level)
    image = normalize(-camera.R[:, :, 1].mean(1), dim=-1)
    lies = ((mean * image).sum(-1) < math.cos(LYING))[:, None]
    mean = torch.where(lies, image, mean)
    spread = torch.where(lies.unsqueeze(-1), IMAGE_UP**2, spread + (0.0 if evidence is not None else sways))
    roll = (mean * normalize(across.mean(1), dim=-1)).sum(-1).abs()[:, None, None]
    level = level / (roll / _LEVEL).clamp_min(1.0) ** 6
    if camera.up is not None:
        level = torch.zeros_like(level)
    if spec.travel_sigma is not None:
        path = joints[:, :, JOINT["pelvis"]]
        away = path - path.mean(1, keepdim=True)
        level = level + (away.unsqueeze(-1) * away.unsqueeze(-2)).mean(1) / spec.travel_sigma**2
    precision, towards = 1 / spread, mean.unsqueeze(-1) / spread
    beside = (sways > 0).to(mean) * (evidence is None) / IMAGE_BESIDE**2
    precision, towards = precision + beside, towards + beside * image.unsqueeze(-1)
    if camera.up is not None and camera.up_var is not None:
        lines, variance = _of_lines(camera)
        apart = (lines - mean).square().sum(-1)[:, None, None]
        kept = 1 / (1 + apart / spread)  # of the trunk
        precision = precision * kept + 1 / variance
        towards = towards * kept + lines.unsqueeze(-1) / variance
    up = torch.linalg.solve(level + precision * torch.eye(3).to(level), towards).squeeze(-1)
    return normalize(up, dim=-1)


def _of_lines(camera: CameraTrajectory) -> tuple[Float[Tensor, "B 3"], Float[Tensor, "B 1 1"]]:
    """The vertical from lines in the images, in the camera's world, and its variance."""
    assert camera.up is not None and camera.up_var is not None
    up = (camera.R.mT @ camera.up.unsqueeze(-1)).squeeze(-1).mean(1)
    return normalize(up, dim=-1), camera.up_var.mean(1)[:, None, None]


def evidence_up(
    evidence: MotionEvidence, camera: CameraTrajectory
) -> tuple[Float[Tensor, "B 3"], Float[Tensor, "B 1 1"]]:
    """The vertical that an initializer estimated, in the camera's world, and its variance, rad^2.

    The variance is that of one frame, because errors of neighbouring frames are correlated.
    """
    weight = 1 / evidence.up_var
    up = (weight.unsqueeze(-1) * (camera.R.mT @ evidence.up.unsqueeze(-1)).squeeze(-1)).sum(1)
    return normalize(up, dim=-1), 1 / weight.mean(1)[:, None, None]


def levelling(up: Float[Tensor, "B 3"]) -> Float[Tensor, "B 3 3"]:
    """A rotation that maps the unit vector ``up`` to +Y: the shortest one, after a half turn about x if ``up`` points
    down (as in a SLAM world whose axes are the first camera's)."""
    flip = torch.tensor([1.0, -1.0, -1.0]).to(up)
    down = (up[:, 1:2] < 0).expand_as(up)
    upward = torch.where(down, up * flip, up)
    x, y, z = upward.unbind(-1)
    share = 1 / (1 + y)
    rows = [1 - x * x * share, -x, -x * z * share, x, y, z, -x * z * share, -z, 1 - z * z * share]
    shortest = torch.stack(rows, -1).unflatten(-1, (3, 3))
    return torch.where(down.unsqueeze(-1).mT, shortest * flip, shortest)
