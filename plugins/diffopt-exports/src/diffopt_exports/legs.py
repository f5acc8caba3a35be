"""Foot locking: target positions of locked feet, and thigh and shank by inverse kinematics."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from diffopt_core.data.contact import runs
from diffopt_core.data.geometry import forward_kinematics
from diffopt_core.data.skeleton import JOINT, PARENTS
from torch import Tensor

#: Contact joints per foot: ankle (over the heel) and foot (the ball).
POINTS: tuple[tuple[int, int], ...] = tuple(
    (JOINT[f"{side}_ankle"], JOINT[f"{side}_foot"]) for side in ("left", "right")
)


#: Largest extension of a leg, as a share of its length: a fully extended knee has no bending direction.
REACH = 0.9995
#: Sine of the knee angle at which bending plane and hinge axis have equal weight.
STRAIGHT = 0.1


def reach(hip: Tensor, knee: Tensor, ankle: Tensor) -> Tensor:
    """(T,) largest hip-ankle distance, m."""
    return REACH * ((knee - hip).norm(dim=-1) + (ankle - knee).norm(dim=-1))


def bend(
    hip: Tensor, knee: Tensor, ankle: Tensor, target: Tensor, thigh: Tensor, shank: Tensor
) -> tuple[Tensor, Tensor]:
    """Rotations of thigh and shank (T, 3, 3) that bring the ankle to ``target``, or as close as the leg length allows.

    Points are (T, 3). The knee keeps its bending plane; a straight knee bends about the thigh's x axis.
    """
    upper, lower = knee - hip, ankle - knee
    one, two = upper.norm(dim=-1, keepdim=True), lower.norm(dim=-1, keepdim=True)
    wanted = (target - hip).norm(dim=-1, keepdim=True)
    wanted = torch.minimum(torch.maximum(wanted, (one - two).abs() + 1e-3), REACH * (one + two))
    along = upper / one
    plane = torch.linalg.cross(along, lower / two)
    hinge = thigh[..., 0] - (thigh[..., 0] * along).sum(-1, keepdim=True) * along
    hinge = torch.nn.functional.normalize(hinge, dim=-1)
    # for a nearly straight or wrongly bent leg the bending plane is unreliable; the hinge axis is used instead
    forward = (plane * hinge).sum(-1, keepdim=True) > 0
    axis = STRAIGHT * hinge + torch.where(forward, plane, torch.zeros_like(plane))
    axis = axis / axis.norm(dim=-1, keepdim=True).clamp_min(1e-9)
    # law of cosines: angle of the shank to the thigh's line
    cosine = ((wanted.square() - one.square() - two.square()) / (2 * one * two)).clamp(-1.0, 1.0)
    turned = along * cosine + torch.linalg.cross(axis, along) * (1 - cosine.square()).clamp_min(0).sqrt()
    at_knee = between(lower, turned)
    at_hip = between(upper + two * turned, target - hip)
    return at_hip @ thigh, at_hip @ at_knee @ shank


def between(a: Tensor, b: Tensor) -> Tensor:
    """(T, 3, 3) the smallest rotation from direction ``a`` to direction ``b`` (T, 3), not opposite ones."""
    a, b = torch.nn.functional.normalize(a, dim=-1), torch.nn.functional.normalize(b, dim=-1)
    v, c = torch.linalg.cross(a, b), (a * b).sum(-1)
    zero = torch.zeros_like(c)
    skew = torch.stack([zero, -v[:, 2], v[:, 1], v[:, 2], zero, -v[:, 0], -v[:, 1], v[:, 0], zero], -1)
    skew = skew.unflatten(-1, (3, 3))
    share = (1.0 / (1.0 + c).clamp_min(1e-6))[:, None, None]
    return torch.eye(3, dtype=a.dtype) + skew + skew @ skew * share


#: Time over which a foot moves to its locked position and leaves it, s.
EASE = 0.2


def displacements(points: Tensor, standing: np.ndarray, fps: float, furthest: float) -> tuple[Tensor, np.ndarray]:
    """``points`` (T, 2, 3) ankle and ball of one foot, ``standing`` (T, 2): (T, 3) displacement of the foot, m, and
    (T,) which of the two is locked: 0, 1, or -1 for neither.

    A contact is locked at the mean position of its first point. When the foot rolls from heel to ball, the ball is
    locked at its current position, which avoids a jump. The ball is locked if both are in contact. A contact that would
    move the foot further than ``furthest`` m is ignored as a false detection.
    """
    held = np.where(standing[:, 1], 1, np.where(standing[:, 0], 0, -1))
    moved = torch.zeros(len(points), 3, dtype=points.dtype)
    for first, last in runs(held >= 0):
        changes = [first, *(np.flatnonzero(np.diff(held[first:last])) + first + 1).tolist(), last]
        for start, stop in pairwise(changes):
            point = points[start:stop, held[start]]
            place = point.mean(0) if start == first else points[start, held[start]] + moved[start - 1]
            moved[start:stop] = place - point
        if moved[first:last].norm(dim=-1).max() > furthest:
            moved[first:last] = 0.0
            held[first:last] = -1
    _ease(moved, runs(held >= 0), fps)
    return moved, held


def _ease(moved: Tensor, stands: list[tuple[int, int]], fps: float) -> None:
    """Between two contacts the first displacement fades out and the second fades in."""
    frames = len(moved)
    stops = [0, *(last for _, last in stands)]
    starts = [*(first for first, _ in stands), frames]
    for index, (stop, start) in enumerate(zip(stops, starts, strict=True)):
        gap = start - stop
        if gap <= 0:
            continue
        span = min(EASE * fps, gap + 1.0)
        step = torch.arange(1, gap + 1, dtype=moved.dtype)
        total = moved.new_zeros(gap, 3)
        if index > 0:
            total += _fade(1 - step / span)[:, None] * moved[stop - 1]
        if start < frames:
            total += _fade(1 - step.flip(0) / span)[:, None] * moved[start]
        moved[stop:start] = total


def _fade(share: Tensor) -> Tensor:
    share = share.clamp(0.0, 1.0)
    return share * share * (3 - 2 * share)


#: Largest lowering of the pelvis, m, and its smoothing time, s.
DEEPEST, SMOOTH = 0.15, 0.15
#: Share of its reach that a locked leg may use before the pelvis is lowered.
EASY = 0.98
_LEGS = tuple(tuple(JOINT[f"{side}_{part}"] for part in ("hip", "knee", "ankle")) for side in ("left", "right"))


def lock(
    pose: Tensor, trans: Tensor, rest: Tensor, standing: Tensor, fps: float, furthest: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Motion (T, 24, 3, 3), (T, 3) with the feet locked where ``standing`` (T, 2, 2) is true; (T, 2) displacement of
    each foot, m; (T, 2) whether it is locked (see :func:`displacements` for ``furthest``).

    Feet keep their orientation in the world; frames without a lock are unchanged.
    """
    glob, where = forward_kinematics(pose, rest, PARENTS)
    joints = where + trans[:, None]
    moves, targets, held = [], [], []
    for points, (_, _, ankle) in zip(POINTS, _LEGS, strict=True):
        move, which = displacements(joints[:, list(points)], standing[:, POINTS.index(points)].numpy(), fps, furthest)
        moves.append(move)
        held.append(torch.from_numpy(which) >= 0)
        targets.append(joints[:, ankle] + move)
    sink = _sink(joints, targets, held, fps)
    down = torch.stack([torch.zeros_like(sink), -sink, torch.zeros_like(sink)], dim=-1)
    out = pose.clone()
    for (hip, knee, ankle), move, target in zip(_LEGS, moves, targets, strict=True):
        some = (move.norm(dim=-1) > 1e-7) | (sink > 1e-7)
        if not some.any():
            continue
        at = joints[some][:, [hip, knee, ankle]] + down[some, None]
        thigh, shank = bend(at[:, 0], at[:, 1], at[:, 2], target[some], glob[some, hip], glob[some, knee])
        out[some, hip] = glob[some, PARENTS[hip]].mT @ thigh
        out[some, knee] = thigh.mT @ shank
        out[some, ankle] = shank.mT @ glob[some, ankle]
    return out, trans + down, torch.stack([move.norm(dim=-1) for move in moves], dim=-1), torch.stack(held, dim=-1)


def _sink(joints: Tensor, targets: list[Tensor], held: list[Tensor], fps: float) -> Tensor:
    """(T,) m: the smallest lowering of the pelvis that puts every locked foot in reach, smoothed from above."""
    need = joints.new_zeros(len(joints))
    for (hip, knee, ankle), target, stands in zip(_LEGS, targets, held, strict=True):
        over = joints[:, hip] - target
        longest = reach(joints[:, hip], joints[:, knee], joints[:, ankle])
        # the last per cent of a leg's length makes the knee jump: at most as straight as before, or nearly straight
        own = (joints[:, hip] - joints[:, ankle]).norm(dim=-1)
        longest = torch.minimum(longest, torch.maximum(own, EASY * longest))
        flat = over[:, 0].square() + over[:, 2].square()
        least = over[:, 1] - (longest.square() - flat).clamp_min(0.0).sqrt()
        need = torch.maximum(need, torch.where(stands, least, torch.zeros_like(least)))
    need = need.clamp(0.0, DEEPEST)
    if not (need > 0).any():
        return need
    # a moving average of a moving maximum of the same width is never below the original value
    half = max(1, round(SMOOTH * fps))
    row = torch.nn.functional.pad(need[None, None], (2 * half, 2 * half), mode="replicate")
    most = torch.nn.functional.max_pool1d(row, 2 * half + 1, stride=1)
    return torch.nn.functional.avg_pool1d(most, 2 * half + 1, stride=1)[0, 0]
