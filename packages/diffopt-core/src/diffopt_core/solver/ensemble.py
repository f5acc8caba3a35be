"""Uncertainty of a result: the clip is solved several times, its evidence perturbed by typical errors.

One solve does not show its own error, and solves that differ only in the prior's noise agree far too well: the main
errors come from the evidence (wrong regressed poses, a tilted camera, keypoints beside the joint), which all of them
share. So every further draw sees evidence perturbed within its usual error. The spread of the draws, times a factor
calibrated on simulated clips (``benchmarks/calibration.py``), is the 90 % band.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from ..data.rotation import axis_angle_to_matrix
from ..data.window import Evidence
from ..host.recipe import DrawsSpec
from ..parts.metrics.evidence import aligned_by
from ..types import Spread


def drawn(evidence: Evidence, number: int, seed: int, spec: DrawsSpec) -> Evidence:
    """Evidence of draw ``number``. Draw 0 is the evidence unchanged, so the result does not depend on the number of
    draws."""
    if number == 0:
        return evidence
    source = torch.Generator().manual_seed((seed * 1_000_003 + number) % 2**63)
    fps, body, camera = evidence.clip.fps, evidence.body, evidence.camera
    frames = len(body.transl)

    def noise(shape: tuple[int, ...], seconds: float) -> Tensor:
        return wander(frames, shape, max(seconds * fps, 1e-3), source).to(body.transl)

    limbs = axis_angle_to_matrix(spec.pose * noise((23, 3), spec.seconds))
    whole = axis_angle_to_matrix(spec.turn * noise((3,), spec.seconds))
    depth = (spec.depth * noise((1,), spec.seconds)).exp()
    view = axis_angle_to_matrix(spec.camera * noise((3,), 2 * spec.seconds))
    seen = evidence.observations.keypoints.clone()
    seen[..., :2] += spec.keypoints * _extent(seen) * noise((seen.shape[1], 2), spec.seconds).to(seen)
    return replace(
        evidence,
        observations=replace(evidence.observations, keypoints=seen),
        body=replace(
            body,
            global_orient=whole @ body.global_orient,
            body_pose=body.body_pose @ limbs,
            transl=body.transl * depth,
        ),
        camera=replace(camera, R=view @ camera.R, t=(view @ camera.t.unsqueeze(-1)).squeeze(-1)),
    )


def wander(frames: int, shape: tuple[int, ...], memory: float, source: torch.Generator) -> Float[Tensor, "T *shape"]:
    """Unit-variance noise: half of the variance is constant over the clip, half has a correlation time of ``memory``
    frames."""
    lasting = torch.randn(1, *shape, generator=source, dtype=torch.float64)
    reach = math.ceil(4 * memory)
    fresh = torch.randn(frames + 2 * reach, *shape, generator=source, dtype=torch.float64)
    lags = torch.arange(-reach, reach + 1, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (lags / memory).square())
    kernel = kernel / kernel.square().sum().sqrt()
    passing = (
        torch.nn.functional.conv1d(fresh.flatten(1).T.unsqueeze(1), kernel.view(1, 1, -1))
        .squeeze(1)
        .T.reshape(frames, *shape)
    )
    return math.sqrt(0.5) * (lasting + passing)


def _extent(seen: Float[Tensor, "T J 3"]) -> Float[Tensor, "T 1 1"]:
    """Longer side of the bounding box of the detected keypoints, px."""
    absent = (seen[..., 2:] <= 0).expand_as(seen[..., :2])
    high = seen[..., :2].masked_fill(absent, -math.inf).amax(1)
    low = seen[..., :2].masked_fill(absent, math.inf).amin(1)
    return (high - low).amax(-1).clamp_min(0.0).nan_to_num(0.0, 0.0, 0.0)[:, None, None]


def spread(joints: Sequence[Float[Tensor, "T 24 3"]], spec: DrawsSpec) -> Spread | None:
    """The 90 % band around the first of several solves of a clip; None if fewer than three are left.

    Every other draw is moved onto the first by one rotation and translation for the clip (protocol ``rigid_clip``).
    ``root``: root mean square over the draws of the pelvis's distance; ``joints``: of each joint's, about the pelvis;
    both times the calibrated factors.
    """
    if len(joints) < 3:
        return None
    first = joints[0].double()
    others = [aligned_by(other.double(), first, other.double(), scale=False) for other in joints[1:]]
    apart = torch.stack(others) - first
    root = apart[:, :, 0]
    limbs = apart - root.unsqueeze(2)

    def size(offsets: Tensor) -> Tensor:
        return offsets.square().sum(-1).mean(0).sqrt().float()

    return Spread(
        draws=len(joints),
        root=spec.root_factor * size(root) + spec.root_floor,
        joints=spec.joint_factor * size(limbs) + spec.joint_floor,
    )
