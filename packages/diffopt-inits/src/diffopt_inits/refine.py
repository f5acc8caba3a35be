"""A short gradient refinement of the analytic pose, over all frames at once.

It balances what the closed form cannot: directions by their visibility, the 2D landmarks, steadiness over time,
and the rest pose for what nothing observes (twists of spine, neck and straight limbs, collars, toes, hands).
Every residual is divided by its expected size, so that the terms need no weights of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffopt_core.rotation import axis_angle_to_matrix, matrix_to_axis_angle
from diffopt_core.skeleton import JOINT, JOINTS, NUM_JOINTS
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import conv1d, normalize

from .rest import RestBody
from .segments import segment_vectors, segment_weights

#: Expected error of a direction (radians), and of a landmark across the ray (m at its depth).
DIRECTION_SIGMA, PIXEL_SIGMA = 0.12, 0.02
#: Beyond that many sigmas an observation loses its pull.
ROBUST = 3.0
#: Corrections are steady over this time, s.
STEADY = 0.03
#: Rotations are compared in metres on a lever of this length.
LEVER = 0.1
#: How far from rest a joint may be, radians; others are free.
_REST_SIGMA = {
    "spine": 0.25, "neck": 0.4, "head": 0.4, "collar": 0.15, "wrist": 0.4, "ankle": 0.5, "foot": 0.1, "hand": 0.1,
    "hip": 1.5, "shoulder": 1.5,
}  # fmt: skip
#: Knees and elbows: off their hinge, and bent the wrong way, radians; how far they bend is free.
_HINGE_SIGMA = {"knee": (0.1, 0.05), "elbow": (0.5, 0.05)}
_HINGE_AXIS = {"knee": (0, 1.0), "left_elbow": (1, -1.0), "right_elbow": (1, 1.0)}


@dataclass(frozen=True)
class Targets:
    """What the pose is fitted to: 3D landmarks (m) and their visibility (0: not seen), rays ``(u - c) / f`` of the
    2D landmarks and their weights, and the pelvis in the camera frame (m)."""

    landmarks: Float[Tensor, "T 33 3"]
    visibility: Float[Tensor, "T 33"]
    ray: Float[Tensor, "T 33 2"]
    ray_weight: Float[Tensor, "T 33"]
    transl: Float[Tensor, "T 3"]


def refine(
    start: Float[Tensor, "T 24 3 3"],
    rest: RestBody,
    targets: Targets,
    fps: float,
    acceleration: float,
    steps: int,
    rate: float = 0.02,
) -> Float[Tensor, "T 24 3 3"]:
    """Refined local rotations. ``acceleration``: of a point of the body, m/s^2."""
    vectors = segment_vectors(targets.landmarks)
    target = normalize(vectors, dim=-1)
    weight = segment_weights(targets.visibility, vectors, segment_vectors(rest.points))
    inverse, back = _rest_weights(start), _hinges(start)
    root = start[:, 0]
    # Joints as axis-angle, well short of half a turn; the root as a correction to its start, which may be anywhere.
    first = matrix_to_axis_angle(start)
    first[:, 0] = 0.0
    # Steps are steady over time by construction: Adam's own are as large in every frame as in its neighbour, with
    # a sign of their own, and the acceleration term would spend most steps on taking that noise out again.
    moved = torch.zeros_like(first).requires_grad_(True)
    optimiser = torch.optim.Adam([moved], lr=rate, betas=(0.9, 0.95))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(steps, 1), eta_min=0.05 * rate)
    for _ in range(steps):
        optimiser.zero_grad()
        values = first + _blur(moved, fps * STEADY)
        rotations, joints, points = rest.pose(_matrices(values, root))
        error = (normalize(segment_vectors(points), dim=-1) - target).norm(dim=-1) / DIRECTION_SIGMA
        loss = (weight * _robust(error)).sum()
        seen = points + targets.transl.unsqueeze(1)
        depth = seen[..., 2:].clamp_min(0.3)
        # in metres at the landmark's depth; depth itself must not grow to shrink the error
        miss = (seen[..., :2] / depth - targets.ray) * depth.detach() / PIXEL_SIGMA
        loss = loss + (targets.ray_weight * _robust(miss.norm(dim=-1))).sum()
        loss = loss + ((values * inverse) ** 2).sum()
        for joint, axis, sign, sigma in back:
            loss = loss + (torch.relu(-sign * values[:, joint, axis]) / sigma).square().sum()
        if len(values) > 2:
            body = torch.cat([joints, (LEVER * rotations).mT.flatten(1, 2)], 1)
            change = (body[2:] - 2 * body[1:-1] + body[:-2]) * (fps**2 / acceleration)
            loss = loss + change.square().sum() / 4  # one joint and three levers say the same
        loss.backward()
        optimiser.step()
        schedule.step()
    return _matrices(first + _blur(moved.detach(), fps * STEADY), root)


def _blur(values: Float[Tensor, "T 24 3"], sigma: float) -> Float[Tensor, "T 24 3"]:
    """Gaussian mean over time, ``sigma`` in frames, of what there is at the ends."""
    reach = max(int(3 * sigma), 1)
    time = torch.arange(-reach, reach + 1).to(values)
    kernel = torch.exp(-0.5 * (time / max(sigma, 1e-3)).square())[None, None]
    flat = values.flatten(1).T.unsqueeze(1)
    share = conv1d(torch.ones_like(flat[:1]), kernel, padding=reach)
    return (conv1d(flat, kernel, padding=reach) / share).squeeze(1).T.view_as(values)


def _matrices(values: Tensor, root: Tensor) -> Tensor:
    local = axis_angle_to_matrix(values)
    return torch.cat([(root @ local[:, 0]).unsqueeze(1), local[:, 1:]], 1)


def _robust(error: Tensor) -> Tensor:
    """Geman-McClure, equal to the square for small errors."""
    square = error.square()
    return square / (1 + square / ROBUST**2)


def _rest_weights(like: Tensor) -> Tensor:
    """``1 / sigma`` of each axis-angle component ``[24 3]``; 0 where a joint is free."""
    inverse = torch.zeros(NUM_JOINTS, 3)
    for joint, name in enumerate(JOINTS):
        part = name.split("_")[-1].rstrip("123")
        if part in _REST_SIGMA:
            inverse[joint] = 1 / _REST_SIGMA[part]
        elif part in _HINGE_SIGMA:
            inverse[joint] = 1 / _HINGE_SIGMA[part][0]
            inverse[joint, _HINGE_AXIS.get(name, _HINGE_AXIS["knee"])[0]] = 0.0
    return inverse.to(like)


def _hinges(like: Tensor) -> list[tuple[int, int, float, float]]:
    """Joint, axis, sign of flexion and sigma of hyperextension."""
    out = []
    for side in ("left", "right"):
        for part in ("knee", "elbow"):
            axis, sign = _HINGE_AXIS["knee" if part == "knee" else f"{side}_{part}"]
            out.append((JOINT[f"{side}_{part}"], axis, sign, _HINGE_SIGMA[part][1]))
    return out
