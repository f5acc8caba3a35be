"""A first unit for a camera path whose own is arbitrary: the length at which standing feet move least.

Odometry knows its path up to a factor, and its own choice of that factor means nothing; a person seen by it would
slide or run backwards. A foot that stands is still in the world, ``R^T foot - R^T t`` with ``t`` scaled, so a wrong
factor makes the slowest foot fast. It is compared with the speed of the pelvis: noise in depth moves feet at any
factor, and the slowest foot alone would choose a path that hardly moves. Rough (within a factor of two), and meant to
be: the solver's camera scale and the prior do the rest.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ..data.geometry import heading
from ..data.skeleton import FEET
from ..types import CameraTrajectory, HumanMotion, MotionEvidence

#: Displacements over this time, s: a step of walking lasts two or three of it.
GAP = 0.2
#: Speeds that noise alone gives a foot and the pelvis, m/s.
FOOT_NOISE, PELVIS_NOISE = 0.05, 0.3
#: Speed of the pelvis that no factor may exceed, m/s: the fastest sprint.
FASTEST = 10.0
#: Whoever films a person moves, at least their hands: a camera slower than this (m/s) is less likely, by the square of
#: the logarithm and this weight. Where poses are noisier than the path is long, the measure alone would make it vanish.
SLOW, UNLIKELY = 0.5, 0.02
#: The same for a factor away from 1 where the unit is roughly known: of feet that never stand (on a skateboard) the
#: measure falls for ever.
CHANGED = 0.1


def stance_scale(
    joints: Float[Tensor, "B T 24 3"],
    R: Float[Tensor, "B T 3 3"],
    position: Float[Tensor, "B T 3"],
    trust: Float[Tensor, "B T"],
    fps: float,
    pelvis_noise: float = PELVIS_NOISE,
    power: float = 1.0,
    gap: float = GAP,
    known: bool = False,
) -> Float[Tensor, "B"]:
    """Metres in a unit of the camera's path: the one at which slowest foot / (pelvis + noise)^power is least.

    ``joints``: in each frame's camera, m. ``R``: world to camera; ``position``: camera centres, in the path's own
    unit. ``trust``: 0 in frames without the person. A path that does not move gets 1. ``pelvis_noise`` (m/s) and
    ``power`` are the measure's: with 0.3 and 1 it is a ratio of speeds, which suits steady poses; noise in the poses
    makes a ratio prefer too much travel, and 1.0 and 0.5 lean less that way. ``gap``: the time over which speeds are
    taken, s; a runner stands for a tenth. ``known``: the path is in metres already, roughly.
    """
    apart = min(max(1, round(fps * gap)), joints.shape[1] - 1)

    def speed(path: Tensor) -> Tensor:
        return (path[:, apart:] - path[:, :-apart]) * (fps / apart)

    turned = joints @ R  # each row is R^T x
    feet, pelvis, camera = speed(turned[:, :, FEET]), speed(turned[:, :, 0]), speed(position)
    weight = trust[:, apart:] * trust[:, :-apart] + 1e-9
    weight = weight / weight.sum(1, keepdim=True)
    unit = (camera.norm(dim=-1) * weight).sum(1)
    still = unit < 1e-9
    unit = torch.where(still, torch.ones_like(unit), unit)
    tried = torch.logspace(-2.0, 1.2, 120, dtype=joints.dtype, device=joints.device)  # camera speed, m/s
    best, chosen = torch.full_like(unit, torch.inf), torch.ones_like(unit)
    for value in tried:
        scale = value / unit
        moved = scale[:, None, None] * camera
        slowest = ((feet + moved.unsqueeze(2)).norm(dim=-1).amin(-1) * weight).sum(1) + FOOT_NOISE
        travel = ((pelvis + moved).norm(dim=-1) * weight).sum(1)
        doubt = UNLIKELY * (value / SLOW).log().clamp_max(0.0).square()
        unlikely = (doubt + CHANGED * scale.log().square() if known else doubt).exp()
        ratio = torch.where(travel < FASTEST, unlikely * slowest / (travel + pelvis_noise) ** power, torch.inf)
        better = ratio < best
        best, chosen = torch.where(better, ratio, best), torch.where(better, scale, chosen)
    return torch.where(still, torch.ones_like(chosen), chosen)


#: Standard deviation of the log of a scale from standing feet: that of poses which a network has cleaned.
STANCE_SD = 0.25


def with_told_speed(
    scale: Float[Tensor, "B"],
    evidence: MotionEvidence,
    seen: HumanMotion,
    camera: CameraTrajectory,
    up: Float[Tensor, "B 3"],
    trust: Float[Tensor, "B T"],
    fps: float,
) -> Float[Tensor, "B"]:
    """A scale from standing feet, and the one at which the person moves over ground as fast as the evidence tells.

    The second is linear least squares on ``d(R^T trans) + s dC = told``, horizontally, weighted by the told variances,
    whose errors last as long as the clip. The two are averaged by their logarithms' variances. ``seen``: in each
    frame's camera, m, its path smooth; ``up``: vertical of the camera's world.
    """
    back = camera.R.mT

    def speed(path: Tensor) -> Tensor:
        return (path[:, 1:] - path[:, :-1]) * fps

    def level(rows: Tensor) -> Tensor:
        return rows - (rows * up.unsqueeze(1)).sum(-1, keepdim=True) * up.unsqueeze(1)

    axes = heading((back @ seen.pose[:, :, 0])[..., 0], up.unsqueeze(1).expand_as(seen.trans))
    told = level((axes.mT @ evidence.velocity.unsqueeze(-1)).squeeze(-1))[:, 1:]
    person = level(speed((back @ seen.trans.unsqueeze(-1)).squeeze(-1)))
    filming = level(speed(camera.position)) * scale[:, None, None]
    variance = evidence.world_velocity_var[:, 1:, ::2].mean(-1)
    weight = (trust[:, 1:] * trust[:, :-1] / variance).unsqueeze(-1)
    known = (weight * filming.square()).sum((1, 2))
    ratio = (weight * filming * (told - person)).sum((1, 2)) / known.clamp_min(1e-6)
    ratio = ratio.clamp(0.3, 3.0)
    sure = known / trust.sum(1).clamp_min(1.0) * ratio.clamp_min(0.5).square()  # 1 / variance of its logarithm
    return scale * (ratio.log() * sure / (sure + 1 / STANCE_SD**2)).exp()
