"""The metric scale of a camera path: the one at which feet in contact move least.

Monocular odometry gives a path up to an unknown scale. A foot in contact does not move in the world, ``R^T foot - R^T
t`` with ``t`` scaled, so a wrong scale makes even the slowest foot move. Its speed is divided by that of the pelvis:
noise in depth moves feet at any scale, and the slowest foot alone would prefer a path that hardly moves. What an
initializer says of contacts weighs the frames, since in flight no foot stands; and how far legs swing in depth is what
poses know least, and mostly too little, so motion along the viewing ray counts less.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from ..data.geometry import heading
from ..data.ragged import faint
from ..data.skeleton import FEET
from ..host.recipe import PlaceSpec, ScaleSpec
from ..interfaces import Body
from ..types import CameraTrajectory, HumanMotion, MotionEvidence
from .translation import local_line
from .vertical import Own, evidence_up

#: Time over which the first displacements are taken, s: a runner's foot is in contact for as long.
GAP = 0.1
#: What speed along the viewing ray counts of that across: errors of feet are up to twice as large there, and one way.
RAY = 1 / 3
#: Apparent speed of a foot and of the pelvis due to noise, m/s.
FOOT_NOISE, PELVIS_NOISE = 0.05, 0.3
#: Largest admissible speed of the pelvis, m/s: the fastest sprint.
FASTEST = 10.0
#: A hand-held camera moves a little: one slower than this (m/s) is penalised by this weight times the squared
#: logarithm. Otherwise, if the noise of the poses exceeds the length of the path, the scale would go to zero.
SLOW, UNLIKELY = 0.5, 0.02
#: The same weight for a factor away from 1 if the unit is roughly known; without it the scale diverges for feet that
#: are never in contact (on a skateboard).
CHANGED = 0.1
#: Standard deviation of the log of a scale from feet in contact: of a camera that moves fast while one stands, and
#: what speed of feet stays wrong for the clip, m/s, by which a slower camera tells less.
STANCE_SD, SLIDES = 0.1, 0.1
#: Smoothing of a path that was fitted frame by frame, s, before its speed is used.
_SPEED_SMOOTH = 0.25


def path_scale(
    motion: HumanMotion,
    camera: CameraTrajectory,
    body: Body,
    trust: Float[Tensor, "B T"],
    fps: float,
    spec: PlaceSpec | ScaleSpec,
    evidence: MotionEvidence | None,
    own: Own = None,
) -> Float[Tensor, "B"]:
    """Metres per unit of the camera's path, from feet in contact and, if there is evidence of it, the person's speed.

    ``motion``: in each frame's camera, m. ``trust``: 0 in frames without the person. With a ``ScaleSpec`` the camera is
    in the placed world: Y up and roughly in metres. With a ``PlaceSpec`` it is in its own world and unit, and the path
    of ``motion`` is smoothed before speeds are taken from it. ``own``: mask of each clip's own frames; None: all are.
    """
    placed = isinstance(spec, ScaleSpec)
    scale = stance_scale(
        body.joints(motion),
        camera.R,
        camera.position,
        trust,
        fps,
        pelvis_noise=spec.stance_noise,
        gap=spec.gap if isinstance(spec, ScaleSpec) else GAP,
        known=placed,
        contact=None if evidence is None else evidence.contact,
    )
    if evidence is None:
        return scale
    if placed:
        up = torch.tensor([0.0, 1.0, 0.0]).to(camera.t).expand(len(scale), 3)
    else:
        up, _ = evidence_up(evidence, camera, own)
        motion = replace(motion, trans=local_line(motion.trans, trust + faint(own), _SPEED_SMOOTH * fps))
    return with_speed_evidence(scale, evidence, motion, camera, up, trust, fps)


def stance_scale(
    joints: Float[Tensor, "B T 24 3"],
    R: Float[Tensor, "B T 3 3"],
    position: Float[Tensor, "B T 3"],
    trust: Float[Tensor, "B T"],
    fps: float,
    pelvis_noise: float = PELVIS_NOISE,
    gap: float = GAP,
    known: bool = False,
    contact: Float[Tensor, "B T 4"] | None = None,
) -> Float[Tensor, "B"]:
    """Metres per unit of the camera's path: the scale that minimises slowest foot / (pelvis + noise).

    ``joints``: in each frame's camera, m. ``R``: world to camera; ``position``: camera centres, in the path's own unit.
    ``trust``: 0 in frames without the person. A path that does not move gets 1. ``pelvis_noise``, m/s: 0.3 suits smooth
    poses; with noisy poses it prefers too large a scale, and 1.0 reduces this bias. ``gap``: the time over which speeds
    are taken, s. ``known``: the path is roughly in metres already. ``contact``: the chance that each of
    :data:`FEET` stands; a pair of frames counts by the chance that one of them does in both.
    """
    apart = min(max(1, round(fps * gap)), joints.shape[1] - 1)
    turned = joints @ R  # each row is R^T x
    ray = normalize(turned[:, apart:, :1] + turned[:, :-apart, :1], dim=-1)

    def speed(path: Float[Tensor, "B T n 3"]) -> Float[Tensor, "B N n 3"]:
        moved = (path[:, apart:] - path[:, :-apart]) * (fps / apart)
        return moved - (1 - RAY) * (moved * ray).sum(-1, keepdim=True) * ray

    feet, pelvis, camera = speed(turned[:, :, FEET]), speed(turned[:, :, :1]), speed(position.unsqueeze(2))
    there = trust[:, apart:] * trust[:, :-apart] + 1e-9
    unit = _weighted((position[:, apart:] - position[:, :-apart]).norm(dim=-1) * (fps / apart), there)
    if contact is not None:
        there = there * ((contact[:, apart:] * contact[:, :-apart]).amax(-1) + 1e-6)
    still = unit < 1e-9
    unit = torch.where(still, torch.ones_like(unit), unit)
    tried = torch.logspace(-2.0, 1.2, 120, dtype=joints.dtype, device=joints.device)  # camera speed, m/s
    best, chosen = torch.full_like(unit, torch.inf), torch.ones_like(unit)
    for value in tried:
        scale = value / unit
        moved = scale[:, None, None, None] * camera
        slowest = _weighted((feet + moved).norm(dim=-1).amin(-1), there) + FOOT_NOISE
        travel = _weighted((pelvis + moved).norm(dim=-1).squeeze(-1), there)
        doubt = UNLIKELY * (value / SLOW).log().clamp_max(0.0).square()
        unlikely = (doubt + CHANGED * scale.log().square() if known else doubt).exp()
        ratio = torch.where(travel < FASTEST, unlikely * slowest / (travel + pelvis_noise), torch.inf)
        better = ratio < best
        best, chosen = torch.where(better, ratio, best), torch.where(better, scale, chosen)
    return torch.where(still, torch.ones_like(chosen), chosen)


def _weighted(values: Float[Tensor, "B N"], weight: Float[Tensor, "B N"]) -> Float[Tensor, "B"]:
    return (values * weight).sum(1) / weight.sum(1)


def with_speed_evidence(
    scale: Float[Tensor, "B"],
    evidence: MotionEvidence,
    seen: HumanMotion,
    camera: CameraTrajectory,
    up: Float[Tensor, "B 3"],
    trust: Float[Tensor, "B T"],
    fps: float,
) -> Float[Tensor, "B"]:
    """Combine a scale from feet in contact with the one at which the person moves as fast as the evidence says.

    The second is linear least squares on ``d(R^T trans) + s dC = velocity`` in the horizontal plane, weighted by the
    variances of the evidence; its errors are taken as constant over the clip. The logarithms of both are averaged,
    weighted by inverse variance. ``seen``: motion in each frame's camera, m, with a smooth path; ``up``: vertical of
    the camera's world.
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
    stands = (evidence.contact[:, 1:] * evidence.contact[:, :-1]).amax(-1) * trust[:, 1:] * trust[:, :-1] + 1e-9
    filmed = _weighted((speed(camera.position) * scale[:, None, None]).square().sum(-1), stands)
    by_feet = 1 / (STANCE_SD**2 + SLIDES**2 / filmed.clamp_min(1e-6))
    return scale * (ratio.log() * sure / (sure + by_feet)).exp()
