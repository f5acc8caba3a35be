"""Simulated 2D detectors: layouts, systematic offsets, jitter, outliers, missing points."""

from __future__ import annotations

import torch
from diffopt_core.data.skeleton import LAYOUTS
from jaxtyping import Float
from torch import Tensor

from ..points import EYES_AND_EARS, FACE, FEET, INDEX, LEGS, MEANS, MIRROR, POINTS, offered, ride
from .camera import NEAR, Filmed
from .motion import Motion
from .noise import Dice
from .settings import DetectorSettings

_RIDE = [ride(name) for name in POINTS]
_JOINT = [joint for joint, _ in _RIDE]
_OFFSET = torch.tensor([place for _, place in _RIDE])
#: Points whose definition differs most between detectors.
_VAGUE = [INDEX[name] for name in ("head_top", "upper_neck", "pelvis", "mid_hip", "neck")]
_ARMS = [[INDEX[f"{s}_{p}"] for p in ("elbow", "wrist", "hand")] for s in ("left", "right")]
#: Leg length of the body of the points' offsets, m; distance of crown and soles beyond the joints, m.
_LEG, _BEYOND = 0.79, 0.21
_OFFERED = torch.stack([offered(layout) for layout in LAYOUTS])


def points_of(motion: Motion, dice: Dice, sd: float) -> Float[Tensor, "B T P 3"]:
    """The network's points in the world, m, each with a random offset that is constant in its joint's frame."""
    B = dice.batch
    wrong = sd * dice.uniform(0.3, 1.7, 1, 1) * dice.normal(len(POINTS), 3)
    wrong[:, _VAGUE] *= 1.7
    offset = _OFFSET * (motion.leg / _LEG)[:, None, None] + wrong
    arms = motion.rotations[:, :, _JOINT] @ offset[:, None, :, :, None]
    points = motion.joints[:, :, _JOINT] + arms.squeeze(-1)
    for name, (a, b) in MEANS.items():
        points[:, :, INDEX[name]] = (points[:, :, INDEX[a]] + points[:, :, INDEX[b]]) / 2
    assert len(points) == B
    return points


def detect(
    seen: Float[Tensor, "B T P 3"], motion: Motion, filmed: Filmed, dice: Dice, s: DetectorSettings
) -> Float[Tensor, "B T P 3"]:
    """Rays and confidences of points ``seen`` in the camera frame, m."""
    depth = seen[..., 2:].clamp_min(NEAR)
    rays = seen[..., :2] / depth
    stature = motion.rest[..., 1].amax(1) - motion.rest[..., 1].amin(1) + _BEYOND
    unit = (stature[:, None] / filmed.see(motion.joints[:, :, :1])[:, :, 0, 2].clamp_min(NEAR))[..., None, None]
    P = len(POINTS)
    sd = dice.uniform(*s.sd, 1, P) * dice.uniform(0.5, 1.3, 1, 1)
    jitter = s.correlated**0.5 * dice.wandering(s.time, P, 2) + (1 - s.correlated) ** 0.5 * dice.normal(
        dice.frames, P, 2
    )
    rays = rays + unit * sd.unsqueeze(-1) * jitter
    # confidences of detectors are scaled differently
    sure = (0.98 - 38 * sd + 0.05 * dice.normal(dice.frames, P)).clamp(0.3, 0.98)
    sure = sure ** dice.uniform(0.2, 3.0, 1, 1)
    stray = dice.chance(s.outliers, dice.frames, P)
    rays = rays + stray.unsqueeze(-1) * unit * s.outlier_sd * dice.normal(dice.frames, P, 2)
    sure = torch.where(stray, sure * dice.uniform(0.3, 1.0, dice.frames, P), sure)
    hidden = _hidden(dice)
    rays = rays + hidden.unsqueeze(-1) * unit * s.hidden_sd * dice.wandering(s.time, P, 2)
    low = torch.where(dice.chance(0.5, 1, 1), 0.05, torch.where(dice.chance(0.5, 1, 1), 0.0, 0.3 * sure))
    sure = torch.where(hidden, low, sure)
    sure = torch.where(dice.chance(s.equal_confidence, 1, 1), 0.9 * (sure > 0), sure)
    inside = ((rays.abs() < filmed.half).all(-1)) & (seen[..., 2] > NEAR)
    rays, sure = _swapped(rays, sure, dice, s.swapped)
    given = inside & _given(dice, s)
    return torch.cat([rays * filmed.stretch, sure.unsqueeze(-1)], -1) * given.unsqueeze(-1)


def _hidden(dice: Dice) -> Tensor:
    """Mask of occluded points ``[B T P]``: three intervals with a few points each."""
    hidden = torch.zeros(dice.batch, dice.frames, len(POINTS), dtype=torch.bool)
    for share in (1.0, 0.6, 0.4):
        chosen = dice.chance(0.12, 1, len(POINTS)) & dice.chance(share, 1, 1)
        hidden |= dice.spells(0.15, 0.8).unsqueeze(-1) & chosen
    return hidden


def _swapped(rays: Tensor, sure: Tensor, dice: Dice, share: float) -> tuple[Tensor, Tensor]:
    swap = dice.spells(0.05, 0.7) & dice.chance(share, 1)
    return torch.where(swap[..., None, None], rays[:, :, MIRROR], rays), torch.where(
        swap[..., None], sure[:, :, MIRROR], sure
    )


def _given(dice: Dice, s: DetectorSettings) -> Tensor:
    """Mask of detected points ``[B T P]``: in the layout, not in a missing group, in frames with the person."""
    layout = (dice.uniform(0, len(LAYOUTS))).long().clamp(max=len(LAYOUTS) - 1)
    there = _OFFERED[layout].bool()
    groups = [(FACE, s.no_face), (EYES_AND_EARS, s.no_eyes), (FEET, s.no_feet), (LEGS[0] + LEGS[1], s.no_legs)]
    groups += [(leg, s.no_leg / 2) for leg in LEGS] + [(arm, s.no_arm / 2) for arm in _ARMS]
    for group, share in groups:
        there[:, group] &= ~dice.chance(share, 1)
    gap = (dice.spells(0.1, 1.0) | (dice.spells(0.05, 0.4) & dice.chance(0.5, 1))) & dice.chance(s.gaps, 1)
    return there.unsqueeze(1) & ~gap.unsqueeze(-1)
