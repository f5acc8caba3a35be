"""The vertical of a camera's world, and the rotation that brings it to +Y."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ..data.skeleton import JOINT
from ..host.recipe import PlaceSpec
from ..types import CameraTrajectory, MotionEvidence


def find_up(
    joints: Float[Tensor, "B T 24 3"],
    camera: CameraTrajectory,
    spec: PlaceSpec,
    evidence: MotionEvidence | None = None,
) -> Float[Tensor, "B 3"]:
    """Unit vector of the vertical in the camera's world.

    Least squares of two cues: the mean trunk points up (to ``trunk_sigma``), and a hand-held camera's x axis is level
    (to ``roll_sigma``). One x axis determines only roll; a camera that turns determines the pitch as well. With
    ``travel_sigma`` there is a third: the pelvis stays at one height, to this many metres (a runner's trunk leans). If
    an initializer estimates the vertical, it replaces the first two cues, which its input contains.
    """
    trunk = joints[:, :, JOINT["neck"]] - joints[:, :, JOINT["pelvis"]]
    mean = torch.nn.functional.normalize(torch.nn.functional.normalize(trunk, dim=-1).mean(1), dim=-1)
    if spec.up == "trunk":
        return mean
    across = camera.R[:, :, 0]
    level = (across.unsqueeze(-1) * across.unsqueeze(-2)).mean(1) / spec.roll_sigma**2
    spread: Tensor | float = spec.trunk_sigma**2
    if evidence is not None:
        mean, spread = evidence_up(evidence, camera)
        level = torch.zeros_like(level)
    if spec.travel_sigma is not None:
        path = joints[:, :, JOINT["pelvis"]]
        away = path - path.mean(1, keepdim=True)
        level = level + (away.unsqueeze(-1) * away.unsqueeze(-2)).mean(1) / spec.travel_sigma**2
    identity = torch.eye(3).to(level) / spread
    up = torch.linalg.solve(level + identity, mean.unsqueeze(-1) / spread).squeeze(-1)
    return torch.nn.functional.normalize(up, dim=-1)


def evidence_up(
    evidence: MotionEvidence, camera: CameraTrajectory
) -> tuple[Float[Tensor, "B 3"], Float[Tensor, "B 1 1"]]:
    """The vertical that an initializer estimated, in the camera's world, and its variance, rad^2.

    The variance is that of one frame, because errors of neighbouring frames are correlated.
    """
    weight = 1 / evidence.up_var
    up = (weight.unsqueeze(-1) * (camera.R.mT @ evidence.up.unsqueeze(-1)).squeeze(-1)).sum(1)
    return torch.nn.functional.normalize(up, dim=-1), 1 / weight.mean(1)[:, None, None]


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
