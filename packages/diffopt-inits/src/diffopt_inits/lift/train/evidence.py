"""Training inputs: noisy keypoints, and in some windows noisy poses of a regressor and 3D landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffopt_core.data.geometry import heading
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.data.skeleton import JOINT
from jaxtyping import Bool, Float
from torch import Tensor

from ..inputs import Evidence, Frame, frame_of
from ..outputs import ROTATIONS
from ..points import INDEX, POINTS, offered
from .camera import NEAR, film
from .detect import detect, points_of
from .motion import Motion
from .noise import Dice
from .settings import EvidenceSettings, LiftSettings

_TRUNK = [JOINT[name] for name in ("spine1", "spine2", "spine3", "neck", "left_collar", "right_collar")]
_ARMS = [(INDEX[f"{s}_shoulder"], [INDEX[f"{s}_{p}"] for p in ("elbow", "wrist", "hand")]) for s in ("left", "right")]
_HIPS = [INDEX["left_hip"], INDEX["right_hip"]]
_BLAZEPOSE = offered("blazepose33")


@dataclass(frozen=True)
class Target:
    """Targets in the units of :class:`~diffopt_inits.lift.outputs.Outputs`. ``rest``: T-pose, leg lengths. ``upright``,
    ``recorded``: windows with a valid vertical, and with valid contacts."""

    rotations: Float[Tensor, "B T 22 3 3"]
    rest: Float[Tensor, "B 24 3"]
    up: Float[Tensor, "B T 3"]
    depth: Float[Tensor, "B T"]
    ray: Float[Tensor, "B T 2"]
    velocity: Float[Tensor, "B T 3"]
    contact: Bool[Tensor, "B T 4"]
    present: Float[Tensor, "B T"]
    upright: Float[Tensor, "B"]
    recorded: Float[Tensor, "B"]


def observe(motion: Motion, dice: Dice, settings: LiftSettings) -> tuple[Evidence, Frame, Target]:
    """Simulate camera, detector and further estimates."""
    filmed = film(motion.root, dice, settings.camera)
    seen = filmed.see(points_of(motion, dice, settings.detector.places_sd))
    points = detect(seen, motion, filmed, dice, settings.detector)
    frame = frame_of(points)
    leg = motion.leg[:, None]
    pelvis = filmed.see(motion.root.unsqueeze(2)).squeeze(2)
    depth = pelvis[..., 2].clamp_min(NEAR)
    orient = filmed.R @ motion.rotations[:, :, 0]
    local = torch.cat([orient.unsqueeze(2), motion.pose[:, :, 1:ROTATIONS]], 2)
    evidence = Evidence(
        points, filmed.turning, dice.fps, *regressor(local, depth / leg, dice, settings.evidence),
        landmarks(seen, leg, dice, settings.evidence),
    )  # fmt: skip
    axes = heading(motion.rotations[:, :, 0, :, 0], torch.tensor([0.0, 1.0, 0.0]).expand_as(motion.root))
    target = Target(
        rotations=local,
        rest=motion.rest / motion.leg[:, None, None],
        up=filmed.R[..., 1],
        depth=(depth * frame.size / leg).log(),
        # the size was measured in stretched rays
        ray=(pelvis[..., :2] / depth.unsqueeze(-1) * filmed.stretch[:, 0] - frame.centre) / frame.size.unsqueeze(-1),
        velocity=(axes @ motion.velocity.unsqueeze(-1)).squeeze(-1) / leg.unsqueeze(-1),
        contact=motion.contact,
        present=frame.present * (pelvis[..., 2] > NEAR),
        upright=1.0 - motion.tilted.float(),
        recorded=1.0 - (motion.bent | motion.tilted).float(),
    )
    return evidence, frame, target


def regressor(
    pose: Float[Tensor, "B T 22 3 3"], depth: Float[Tensor, "B T"], dice: Dice, s: EvidenceSettings
) -> tuple[Tensor, Tensor, Tensor]:
    """Poses with constant, slow and white errors and occasional intervals of failure; mask of frames with a pose;
    depth."""
    slow = dice.wandering(s.pose_time, ROTATIONS, 3)
    body = s.pose_constant * dice.normal(1, ROTATIONS, 3) + s.pose_sd * slow
    body = body + s.pose_white * dice.normal(dice.frames, ROTATIONS, 3)
    body[:, :, _TRUNK] *= s.trunk
    body[:, :, 0] = s.root_constant * dice.normal(1, 3) + s.root_sd * dice.wandering(s.pose_time, 3)
    failing = dice.spells(0.2, 1.2) & dice.chance(s.failures, 1)
    body = dice.uniform(0.4, 1.8, 1, 1, 1) * body + failing[..., None, None] * s.failure_sd * slow.roll(1, 2)
    error = axis_angle_to_matrix(body)
    wrong = torch.cat([error[:, :, :1] @ pose[:, :, :1], pose[:, :, 1:] @ error[:, :, 1:]], 2)
    lost = dice.spells(0.1, 0.8) & dice.chance(0.15, 1)
    seen = (dice.chance(s.pose_share, 1) & ~lost).float()
    off = s.depth_constant * dice.normal(1) + s.depth_sd * dice.wandering(s.pose_time, 1)[..., 0]
    known = dice.chance(0.8, 1)
    return wrong, seen, depth * (1 + off).clamp_min(0.2) * known


def landmarks(
    seen: Float[Tensor, "B T P 3"], leg: Float[Tensor, "B 1"], dice: Dice, s: EvidenceSettings
) -> Float[Tensor, "B T P 4"]:
    """3D points relative to the mid-hip, leg lengths: slow depth errors, short arms, size of an average person."""
    P = len(POINTS)
    about = seen - seen[:, :, _HIPS].mean(2, keepdim=True)
    short = 1 - s.short_arms * dice.uniform(0, 1, 1, 1, 1) * dice.uniform(0, 1, 1, 1, 1)
    for shoulder, arm in _ARMS:
        root = about[:, :, shoulder].unsqueeze(2)
        about[:, :, arm] = root + short * (about[:, :, arm] - root)
    depth = dice.uniform(*s.landmark_depth, 1, 1)
    z = depth * (
        0.5 * dice.normal(1, P) + 0.75 * dice.wandering(s.landmark_time, P) + 0.3 * dice.normal(dice.frames, P)
    )
    flat = s.landmark_flat * (0.8 * dice.wandering(0.2, P, 2) + 0.6 * dice.normal(1, P, 2))
    size = torch.exp(s.landmark_size * dice.normal(1, 1, 1))
    wrong = (about + torch.cat([flat, z.unsqueeze(-1)], -1)) * size / leg[..., None, None]
    sure = (dice.uniform(0.5, 1.0, 1, P) + 0.1 * dice.normal(dice.frames, P)).clamp(0.05, 1.0)
    lost = dice.spells(0.1, 0.8) & dice.chance(0.15, 1)
    there = (dice.chance(s.landmark_share, 1) & ~lost)[..., None] * _BLAZEPOSE
    return torch.cat([wrong, sure.unsqueeze(-1)], -1) * there.unsqueeze(-1)
