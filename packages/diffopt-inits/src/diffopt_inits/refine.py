"""Refinement of poses against landmarks: kinematic chain, segments, optimisation over time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffopt_core.data.rotation import matrix_to_axis_angle
from diffopt_core.data.skeleton import BLAZEPOSE33, JOINT, JOINTS, NUM_JOINTS, PARENTS
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from .rest import JOINT_OF, RestBody


def _levels() -> list[tuple[int, list[int]]]:
    """Per level of the tree: number of joints, and indices of their parents in the level above."""
    depth = [0] * NUM_JOINTS
    for joint in range(1, NUM_JOINTS):
        depth[joint] = depth[PARENTS[joint]] + 1
    out = []
    for level in range(1, max(depth) + 1):
        members = [j for j in range(NUM_JOINTS) if depth[j] == level]
        above = [j for j in range(NUM_JOINTS) if depth[j] == level - 1]
        out.append((len(members), [above.index(PARENTS[j]) for j in members]))
    return out


_LEVELS = _levels()
_SIZES = [1] + [size for size, _ in _LEVELS]


def global_columns(local: Float[Tensor, "T 24 3 3"]) -> Float[Tensor, "T 3 72"]:
    """Columns of the global rotations: ``[t, :, 3 j + k]`` is column k of joint j's. Joints are numbered by depth."""
    root, *rest = local.split(_SIZES, dim=1)
    out = [root]
    for part, (_, rows) in zip(rest, _LEVELS, strict=True):
        out.append(out[-1][:, rows] @ part)
    return torch.cat(out, 1).permute(0, 2, 1, 3).flatten(2)


def axis_angle_matrix(values: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3 3"]:
    """Rodrigues' formula in few operations; smooth at 0."""
    squared = values.square().sum(-1, keepdim=True).unsqueeze(-1) + 1e-12
    half = squared.sqrt() / 2
    sinc = half.sin() / half
    x, y, z = values.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
    outer = values.unsqueeze(-1) * values.unsqueeze(-2)
    eye = torch.eye(3, dtype=values.dtype, device=values.device)
    # K^2 = v v^T - |v|^2 I
    return eye + (sinc * half.cos()) * cross + (0.5 * sinc.square()) * (outer - squared * eye)


@dataclass(frozen=True)
class Chain:
    """``joints [24 72]`` and ``points [33 72]``: linear maps from the columns of global rotations to positions relative
    to the pelvis, m."""

    joints: Float[Tensor, "24 72"]
    points: Float[Tensor, "33 72"]


def chain_of(rest: RestBody) -> Chain:
    """The linear maps of a rest body."""
    bones = rest.joints[1:] - rest.joints[list(PARENTS[1:])]
    joints = rest.joints.new_zeros(NUM_JOINTS, NUM_JOINTS, 3)
    for joint in range(1, NUM_JOINTS):
        joints[joint] = joints[PARENTS[joint]]
        joints[joint, PARENTS[joint]] += bones[joint - 1]
    points = joints[list(JOINT_OF)].clone()
    points[torch.arange(len(JOINT_OF)), list(JOINT_OF)] += rest.offsets
    return Chain(joints.flatten(1), points.flatten(1))


_INDEX = {name: i for i, name in enumerate(BLAZEPOSE33)}
_Ends = tuple[str, ...]
_SIDED: dict[_Ends, tuple[_Ends, float]] = {
    # from, to, weight: limbs and trunk are well visible, feet and hands are small
    ("{s}_hip",): (("{s}_knee",), 1.0),
    ("{s}_knee",): (("{s}_ankle",), 1.0),
    ("{s}_shoulder",): (("{s}_elbow",), 1.0),
    ("{s}_elbow",): (("{s}_wrist",), 1.0),
    ("{s}_heel",): (("{s}_foot_index",), 0.5),
    ("{s}_wrist",): (("{s}_index", "{s}_pinky"), 0.3),
    ("{s}_pinky",): (("{s}_index",), 0.1),
}
_MIDDLE: dict[_Ends, tuple[_Ends, float]] = {
    ("right_hip",): (("left_hip",), 1.0),
    ("right_shoulder",): (("left_shoulder",), 1.0),
    ("left_hip", "right_hip"): (("left_shoulder", "right_shoulder"), 1.0),
    ("left_shoulder", "right_shoulder"): (("left_ear", "right_ear"), 0.4),
    ("right_ear",): (("left_ear",), 0.4),
    ("left_ear", "right_ear"): (("nose",), 0.4),
}


def _rows() -> tuple[list[tuple[tuple[int, ...], tuple[int, ...]]], list[float]]:
    pairs, trust = [], []
    for side in ("left", "right"):
        for start, (end, share) in _SIDED.items():
            names = tuple(tuple(_INDEX[name.format(s=side)] for name in part) for part in (start, end))
            pairs.append((names[0], names[1]))
            trust.append(share)
    for start, (end, share) in _MIDDLE.items():
        pairs.append((tuple(_INDEX[name] for name in start), tuple(_INDEX[name] for name in end)))
        trust.append(share)
    return pairs, trust


_PAIRS, _TRUST = _rows()


def segment_vectors(points: Float[Tensor, "*b 33 n"]) -> Float[Tensor, "*b S n"]:
    """Vector of each segment, in the points' unit and frame; or its linear map, from those of the points."""
    matrix = torch.zeros(len(_PAIRS), len(BLAZEPOSE33), dtype=points.dtype, device=points.device)
    for row, (start, end) in enumerate(_PAIRS):
        matrix[row, list(end)] += 1 / len(end)
        matrix[row, list(start)] -= 1 / len(start)
    return matrix @ points


def segment_weights(
    visibility: Float[Tensor, "*b 33"], vectors: Float[Tensor, "*b S 3"], rest: Float[Tensor, "S 3"]
) -> Float[Tensor, "*b S"]:
    """Weight of each segment: that of its kind, times the visibility of its less visible end, times the squared ratio
    of its observed to its rest length, because the direction of a foreshortened segment is mostly noise."""
    seen = torch.stack([visibility[..., list(start + end)].amin(-1) for start, end in _PAIRS], -1)
    share = (vectors.norm(dim=-1) / rest.norm(dim=-1)).clamp_max(1.0)
    return seen * share.square() * torch.tensor(_TRUST).to(visibility)


#: Expected error of a direction, of unit vectors across the image, down it and in depth: BlazePose's limbs on views
#: with a measured truth are off by 0.07 to 0.20, 0.07 to 0.20 and 0.20 to 0.46 (full and heavy model;
#: :mod:`diffopt_core.data.blazepose` has its points). One for each segment, as measured, gave nothing.
DIRECTION_SIGMA = (0.15, 0.15, 0.45)
#: Expected error of a landmark across the ray, m at its depth.
PIXEL_SIGMA = 0.02
#: Width of the robust error, in sigmas.
ROBUST = 3.0
#: Time over which corrections are smoothed, s.
STEADY = 0.03
#: Lever arm that converts rotations to metres.
LEVER = 0.1
#: Standard deviation of a joint from its rest rotation, radians; other joints are free.
_REST_SIGMA = {
    "spine": 0.25, "neck": 0.4, "head": 0.4, "collar": 0.15, "wrist": 0.4, "ankle": 0.5, "foot": 0.1, "hand": 0.1,
    "hip": 1.5, "shoulder": 1.5,
}  # fmt: skip
#: Knees and elbows: standard deviations off the hinge axis, and of hyperextension, radians; flexion is free.
_HINGE_SIGMA = {"knee": (0.1, 0.05), "elbow": (0.5, 0.05)}
_HINGE_AXIS: dict[str, tuple[int, float]] = {"knee": (0, 1.0), "left_elbow": (1, -1.0), "right_elbow": (1, 1.0)}


@dataclass(frozen=True)
class Targets:
    """Data of the fit: 3D landmarks (m) and their visibility (0: not visible), rays ``(u - c) / f`` of the 2D landmarks
    and their weights, and the pelvis in the camera frame (m)."""

    landmarks: Float[Tensor, "T 33 3"]
    visibility: Float[Tensor, "T 33"]
    ray: Float[Tensor, "T 33 2"]
    ray_weight: Float[Tensor, "T 33"]
    transl: Float[Tensor, "T 3"]
    told: PoseTold | None = None


@dataclass(frozen=True)
class PoseTold:
    """Local rotations from other evidence, and one over the variance of each, rad^-2 (0: nothing is told)."""

    pose: Float[Tensor, "T 24 3 3"]
    sure: Float[Tensor, "T 24"]


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
    steady = (fps**2 / acceleration) / 2  # half, because joint and levers are redundant
    inverse, (joint, axis, sign) = _rest_weights(start), _hinges(start)
    ray, place = targets.ray.mT, targets.transl.unsqueeze(-1)
    root, sigma = start[:, 0], torch.tensor(DIRECTION_SIGMA).to(start).unsqueeze(-1)
    # Joints as axis-angle (below half a turn); the root, which may have any rotation, as a correction.
    first = matrix_to_axis_angle(start)
    first[:, 0] = 0.0
    # Updates are smoothed over time: Adam's steps have equal size and independent signs in neighbouring frames, and the
    # acceleration term would need most steps to remove that noise.
    moved = torch.zeros_like(first)
    optimiser = torch.optim.Adam([moved], lr=rate, betas=(0.9, 0.95))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(steps, 1), eta_min=0.05 * rate)
    blur = Blur(len(start), fps * STEADY, first)
    for _ in range(steps):
        values = (first + blur(moved)).requires_grad_(True)
        local = _matrices(values, root)
        columns = global_columns(local)
        segments, points = (columns @ linear).split(sizes, -1)
        unit = segments * (segments.square().sum(1, keepdim=True) + 1e-12).rsqrt()
        loss = (weight * _robust(((unit - target) / sigma).square().sum(1))).sum()
        seen = points + place
        depth = seen[:, 2:].clamp_min(0.3)
        # in metres at the landmark's depth; the depth is detached, so that it cannot grow to reduce the error
        miss = (seen[:, :2] / depth - ray) * depth.detach() / PIXEL_SIGMA
        loss = loss + (targets.ray_weight * _robust(miss.square().sum(1))).sum()
        loss = loss + (values * inverse).square().sum() + (values[:, joint, axis] * sign).relu().square().sum()
        if targets.told is not None:
            away = (local - targets.told.pose).square().sum((-2, -1)) / 2  # the square of the angle, if it is small
            loss = loss + (targets.told.sure * away).sum()
        if len(values) > 2:
            change = (columns[2:] - 2 * columns[1:-1] + columns[:-2]) * steady
            loss = loss + (change @ levers).square().sum()
        (gradient,) = torch.autograd.grad(loss, values)
        moved.grad = blur.back(gradient)
        optimiser.step()
        schedule.step()
    return _matrices(first + blur(moved), root)


class Blur:
    """Gaussian smoothing over time, ``sigma`` in frames, normalised at the ends; outside of autograd, because its
    transpose is known."""

    def __init__(self, frames: int, sigma: float, like: Tensor):
        self._reach = min(max(int(3 * sigma), 1), frames - 1)
        time = torch.arange(-self._reach, self._reach + 1)
        self._kernel: list[float] = torch.exp(-0.5 * (time / max(sigma, 1e-3)).square()).tolist()
        self._share = self._spread(torch.ones_like(like[:, :1, :1]))

    def __call__(self, values: Float[Tensor, "T J 3"]) -> Float[Tensor, "T J 3"]:
        return self._spread(values) / self._share

    def back(self, gradient: Float[Tensor, "T J 3"]) -> Float[Tensor, "T J 3"]:
        """The transpose: gradient of the input from that of the output."""
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
    """Geman-McClure of a squared error in sigmas; equal to it for small errors."""
    return square / (1 + square / ROBUST**2)


def _rest_weights(like: Tensor) -> Tensor:
    """``1 / sigma`` of each axis-angle component ``[24 3]``; 0 for free joints."""
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
    """Joint, axis, and the factor that converts hyperextension to positive sigmas."""
    joints, axes, factors = [], [], []
    for side in ("left", "right"):
        for part, (_, sigma) in _HINGE_SIGMA.items():
            axis, sign = _HINGE_AXIS["knee" if part == "knee" else f"{side}_{part}"]
            joints.append(JOINT[f"{side}_{part}"])
            axes.append(axis)
            factors.append(-sign / sigma)
    return joints, axes, torch.tensor(factors).to(like)
