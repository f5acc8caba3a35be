"""Simulated cameras: following, rotating in place, static; hand-held, rolled, near and far."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffopt_core.data.rotation import axis_angle_to_matrix
from jaxtyping import Float
from torch import Tensor

from ..inputs import turning
from .noise import Dice
from .settings import CameraSettings

#: Smallest depth of a visible point, m.
NEAR = 0.3


@dataclass(frozen=True)
class Filmed:
    """``x_cam = R (x - place)``, m. ``turning``: the camera's angular velocity with SLAM errors, rad/s. ``stretch``:
    true rays over those of the assumed focal length. ``half``: half the image's width and height, in rays."""

    R: Float[Tensor, "B T 3 3"]
    place: Float[Tensor, "B T 3"]
    turning: Float[Tensor, "B T 3"]
    stretch: Float[Tensor, "B 1 1 1"]
    half: Float[Tensor, "B 1 1 2"]

    def see(self, points: Float[Tensor, "B T N 3"]) -> Float[Tensor, "B T N 3"]:
        """World to camera, m."""
        return (points - self.place.unsqueeze(2)) @ self.R.mT


def look_at(place: Tensor, aim: Tensor, roll: Tensor) -> Float[Tensor, "B T 3 3"]:
    """World to camera (x right, y down, z forward), Y up, then ``roll`` (rad) about the viewing axis."""
    forward = torch.nn.functional.normalize(aim - place, dim=-1)
    right = torch.stack([-forward[..., 2], torch.zeros_like(roll), forward[..., 0]], -1)
    right = torch.nn.functional.normalize(right + 1e-6, dim=-1)
    level = torch.stack([right, torch.linalg.cross(forward, right), forward], -2)
    about = torch.stack([torch.zeros_like(roll), torch.zeros_like(roll), roll], -1)
    return axis_angle_to_matrix(about) @ level


def film(root: Float[Tensor, "B T 3"], dice: Dice, s: CameraSettings) -> Filmed:
    """Simulate a camera for the pelvis path of each window."""
    B = dice.batch
    kind = dice.uniform(0, 1)
    walks = (kind < s.follow_share)[:, None, None]
    tripod = (kind >= s.follow_share + s.pan_share)[:, None, None]
    target = dice.smooth(root, dice.uniform(0.2, 1.2))
    middle = target.mean(1, keepdim=True)
    distance = dice.log_uniform(*s.distance)[:, None]
    seconds = torch.arange(dice.frames) / dice.fps[:, None]
    azimuth = dice.uniform(-torch.pi, torch.pi, 1) + torch.where(
        walks[..., 0], s.drift_sd * dice.normal(1) * seconds, 0.0
    )
    away = torch.stack([azimuth.sin(), torch.zeros_like(azimuth), azimuth.cos()], -1)
    # the person must not walk into a static camera
    reach = ((target - middle) * away).sum(-1).amax(1, keepdim=True).clamp_min(0.0)
    distance = torch.where(walks[..., 0], distance * torch.exp(0.12 * dice.wandering(3.0)), distance + reach)
    base = torch.where(walks, target, middle) + distance.unsqueeze(-1) * away
    height = dice.uniform(*s.height, 1) + 0.05 * dice.wandering(2.0) * walks[..., 0]
    place = torch.stack([base[..., 0], height.expand(B, dice.frames), base[..., 2]], -1)
    steady = torch.where(tripod, 0.0, dice.uniform(0.2, 2.0, 1, 1))
    place = place + steady * s.hand_sd * dice.smooth(dice.wandering(0.5, 3), torch.full((B,), 0.1))
    framing = s.framing_sd * distance.mean(1)[:, None, None] * dice.normal(1, 3)
    aim = torch.where(tripod, middle, target) + framing
    aim = aim + steady * s.look_sd * dice.smooth(dice.wandering(0.5, 3), torch.full((B,), 0.1))
    tilt = torch.where(dice.chance(s.roll_share), s.roll_sd, s.level_sd)[:, None]
    roll = (
        tilt * dice.normal(1)
        + steady[..., 0] * s.level_sd * dice.smooth(dice.wandering(0.8, 1), torch.full((B,), 0.1))[..., 0]
    )
    R = look_at(place, aim, roll)
    wrong = dice.uniform(0, 2, 1, 1) * (s.turning_walk * dice.normal(dice.frames, 3))
    white = s.turning_white * dice.normal(dice.frames + 1, 3)
    drift = (wrong + white[:, 1:] - white[:, :-1]) * dice.fps[:, None, None]
    half = torch.stack([dice.uniform(*s.half_width), dice.uniform(*s.half_height)], -1)[:, None, None]
    stretch = torch.exp(s.focal_sd * dice.normal(1, 1, 1))
    return Filmed(R, place, turning(R, dice.fps) + drift, stretch, half)
