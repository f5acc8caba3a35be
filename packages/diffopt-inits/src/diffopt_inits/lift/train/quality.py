"""Errors of the network on held-out motion, and calibration of its variances."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from diffopt_core.data.geometry import align, transform
from diffopt_core.host.train.shards import Clips
from jaxtyping import Float
from torch import Tensor

from ..inputs import Evidence, features
from ..network import LiftNetwork
from ..outputs import Outputs, read
from .evidence import Target, observe
from .loss import joints_of
from .motion import perform
from .noise import Dice
from .settings import LiftSettings

#: Windows per shard, and the inputs besides keypoints.
WINDOWS = 48
GIVEN = ("points", "pose", "landmarks")
#: Radius that contains 90 % of a Gaussian, in standard deviations, by number of axes.
RADIUS = {1: 1.6449, 2: 2.1460, 3: 2.5003}


def held_out(
    network: LiftNetwork, clips: Clips, offsets: Float[Tensor, "24 3"], settings: LiftSettings
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Report by inputs, and the :func:`ratios` of all of them together."""
    generator = torch.Generator().manual_seed(1)
    plain = replace(settings.motion, mixed_share=0.0, broad_share=0.0, tilt_share=0.0, fps=(30.0, 30.0))
    sure = replace(settings.evidence, pose_share=1.0, landmark_share=1.0)
    dice = Dice(torch.full((WINDOWS,), 30.0), settings.frames, generator)
    motion = perform(clips, offsets, dice, plain, generator)
    evidence, frame, target = observe(motion, dice, replace(settings, evidence=sure))
    report: dict[str, Any] = {}
    pooled: dict[str, list[Tensor]] = {}
    for given in GIVEN:
        part = _only(evidence, given)
        time = torch.arange(settings.frames).expand(WINDOWS, -1) / 30.0
        out = read(network(features(part, frame), time))
        found = ratios(out, target)
        report[given] = {**errors(out, target, motion.leg), **_coverage(found)}
        for name, value in found.items():
            pooled.setdefault(name, []).append(value)
    return report, {name: torch.cat(parts) for name, parts in pooled.items()}


def _only(evidence: Evidence, given: str) -> Evidence:
    if given == "points":
        return replace(evidence, pose=None, pose_seen=None, pose_depth=None, landmarks=None)
    if given == "pose":
        return replace(evidence, landmarks=None)
    return replace(evidence, pose=None, pose_seen=None, pose_depth=None)


def errors(out: Outputs, target: Target, leg: Float[Tensor, "B"]) -> dict[str, float]:
    """Errors in mm and degrees, and speed relative to the truth."""
    rest = target.rest * leg[:, None, None]
    made, true = joints_of(out.rotations, rest), joints_of(target.rotations, rest)
    pa = transform(made, *align(made, true, scale=True))
    path, walked = out.velocity[..., [0, 2]].norm(dim=-1).mean(1), target.velocity[..., [0, 2]].norm(dim=-1).mean(1)
    travels = walked > 0.5
    figures = {
        "mpjpe_mm": 1000 * (made - true).norm(dim=-1).mean(),
        "pa_mm": 1000 * (pa - true).norm(dim=-1).mean(),
        "up_deg": angle(out.up, target.up).rad2deg().mean(),
        "speed_ratio": (path / walked)[travels].median() if bool(travels.any()) else path.new_tensor(float("nan")),
        "velocity_mps": ((out.velocity - target.velocity).norm(dim=-1) * leg[:, None]).mean(),
        "depth": (out.depth - target.depth)[target.present > 0].abs().mean(),
        "contact": ((out.contact > 0) == target.contact).float().mean(),
    }
    return {name: round(float(value), 4) for name, value in figures.items()}


def angle(a: Float[Tensor, "*b 3"], b: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b"]:
    """Angle between unit vectors, rad."""
    return 2 * ((a - b).norm(dim=-1) / 2).clamp(max=1.0).asin()


def ratios(out: Outputs, target: Target) -> dict[str, Tensor]:
    """By output, flattened: the error relative to the radius that should contain 90 %; below 1 is inside."""
    turned = 2 * ((out.rotations - target.rotations).square().sum((-1, -2)) / 8).clamp(max=1.0).sqrt().asin()
    present = target.present > 0

    def over(error: Tensor, log_var: Tensor, axes: int) -> Tensor:
        return error / (RADIUS[axes] * (0.5 * log_var).exp())

    rotations = over(turned, out.rotations_log_var, 3)
    velocity = over((out.velocity - target.velocity).abs(), out.velocity_log_var, 1)
    return {
        "root": rotations[..., 0].flatten(),
        "pose": rotations[..., 1:].flatten(),
        "up": over(angle(out.up, target.up), out.up_log_var, 2).flatten(),
        "depth": over((out.depth - target.depth).abs(), out.depth_log_var, 1)[present],
        "ray": over((out.ray - target.ray).norm(dim=-1), out.ray_log_var, 2)[present],
        "velocity": velocity.flatten(),
    }


def _coverage(found: dict[str, Tensor]) -> dict[str, float]:
    return {f"inside_{name}": round(float((value <= 1).float().mean()), 4) for name, value in found.items()}


def calibration(found: dict[str, Tensor]) -> dict[str, float]:
    """Factors of the standard deviations for which 90 % of these errors are inside."""
    return {name: round(float(torch.quantile(value[: 2**24], 0.9)), 4) for name, value in found.items()}
