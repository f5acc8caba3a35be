"""A short gradient refinement of the analytic pose, over all frames at once.

It balances what the closed form cannot: directions by their visibility, the 2D landmarks, steadiness over time,
and the rest pose for what nothing observes (twists of spine, neck and straight limbs, collars, toes, hands).
Every residual is divided by its expected size, so that the terms need no weights of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffopt_core.rotation import matrix_to_axis_angle
from diffopt_core.skeleton import JOINT, JOINTS, NUM_JOINTS
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from .chain import axis_angle_matrix, chain_of, global_columns
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
_HINGE_AXIS: dict[str, tuple[int, float]] = {"knee": (0, 1.0), "left_elbow": (1, -1.0), "right_elbow": (1, 1.0)}


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
    target = normalize(vectors, dim=-1).mT
    weight = segment_weights(targets.visibility, vectors, segment_vectors(rest.points))
    chain = chain_of(rest)
    sizes = [len(weight[0]), len(chain.points)]
    linear = torch.cat([segment_vectors(chain.points), chain.points]).to(start).T
    levers = torch.cat([chain.joints.to(start).T, LEVER * torch.eye(3 * NUM_JOINTS).to(start)], 1)
    steady = (fps**2 / acceleration) / 2  # half: one joint and three levers say the same
    inverse, (joint, axis, sign) = _rest_weights(start), _hinges(start)
    ray, place = targets.ray.mT, targets.transl.unsqueeze(-1)
    root = start[:, 0]
    # Joints as axis-angle, well short of half a turn; the root as a correction to its start, which may be anywhere.
    first = matrix_to_axis_angle(start)
    first[:, 0] = 0.0
    # Steps are steady over time by construction: Adam's own are as large in every frame as in its neighbour, with
    # a sign of their own, and the acceleration term would spend most steps on taking that noise out again.
    moved = torch.zeros_like(first)
    optimiser = torch.optim.Adam([moved], lr=rate, betas=(0.9, 0.95))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(steps, 1), eta_min=0.05 * rate)
    blur = Blur(len(start), fps * STEADY, first)
    for _ in range(steps):
        values = (first + blur(moved)).requires_grad_(True)
        columns = global_columns(_matrices(values, root))
        segments, points = (columns @ linear).split(sizes, -1)
        # the squared distance of two unit vectors
        cosine = (segments * target).sum(1) * (segments.square().sum(1) + 1e-12).rsqrt()
        loss = (weight * _robust((2 - 2 * cosine) / DIRECTION_SIGMA**2)).sum()
        seen = points + place
        depth = seen[:, 2:].clamp_min(0.3)
        # in metres at the landmark's depth; depth itself must not grow to shrink the error
        miss = (seen[:, :2] / depth - ray) * depth.detach() / PIXEL_SIGMA
        loss = loss + (targets.ray_weight * _robust(miss.square().sum(1))).sum()
        loss = loss + (values * inverse).square().sum() + (values[:, joint, axis] * sign).relu().square().sum()
        if len(values) > 2:
            change = (columns[2:] - 2 * columns[1:-1] + columns[:-2]) * steady
            loss = loss + (change @ levers).square().sum()
        (gradient,) = torch.autograd.grad(loss, values)
        moved.grad = blur.back(gradient)
        optimiser.step()
        schedule.step()
    return _matrices(first + blur(moved), root)


class Blur:
    """Gaussian mean over time, ``sigma`` in frames, of what there is at the ends; outside of autograd, because its
    transpose is at hand."""

    def __init__(self, frames: int, sigma: float, like: Tensor):
        self._reach = min(max(int(3 * sigma), 1), frames - 1)
        time = torch.arange(-self._reach, self._reach + 1)
        self._kernel: list[float] = torch.exp(-0.5 * (time / max(sigma, 1e-3)).square()).tolist()
        self._share = self._spread(torch.ones_like(like[:, :1, :1]))

    def __call__(self, values: Float[Tensor, "T 24 3"]) -> Float[Tensor, "T 24 3"]:
        return self._spread(values) / self._share

    def back(self, gradient: Float[Tensor, "T 24 3"]) -> Float[Tensor, "T 24 3"]:
        """The transpose: gradient of the input from that of the mean."""
        return self._spread(gradient / self._share)

    def _spread(self, values: Tensor) -> Tensor:
        out, frames = torch.zeros_like(values), len(values)
        for shift, share in enumerate(self._kernel, start=-self._reach):
            low, high = max(shift, 0), frames + min(shift, 0)
            out[low:high].add_(values[low - shift : high - shift], alpha=share)
        return out


def _matrices(values: Tensor, root: Tensor) -> Tensor:
    local = axis_angle_matrix(values)
    return torch.cat([(root @ local[:, 0]).unsqueeze(1), local[:, 1:]], 1)


def _robust(square: Tensor) -> Tensor:
    """Geman-McClure of a squared error in sigmas, equal to it where it is small."""
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


def _hinges(like: Tensor) -> tuple[list[int], list[int], Tensor]:
    """Joint, axis, and the factor that makes hyperextension positive and counts it in sigmas."""
    joints, axes, factors = [], [], []
    for side in ("left", "right"):
        for part, (_, sigma) in _HINGE_SIGMA.items():
            axis, sign = _HINGE_AXIS["knee" if part == "knee" else f"{side}_{part}"]
            joints.append(JOINT[f"{side}_{part}"])
            axes.append(axis)
            factors.append(-sign / sigma)
    return joints, axes, torch.tensor(factors).to(like)
