"""Legs that follow held feet: where a foot is held, and thigh and shank by inverse kinematics."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from diffopt_core.data.contact import runs
from diffopt_core.data.geometry import forward_kinematics
from diffopt_core.data.skeleton import JOINT, PARENTS
from torch import Tensor

#: Per foot the joints that may stand: ankle (over the heel), and foot (the ball).
POINTS: tuple[tuple[int, int], ...] = tuple(
    (JOINT[f"{side}_ankle"], JOINT[f"{side}_foot"]) for side in ("left", "right")
)


#: A leg is stretched to this share of its length at most: at its full length the knee has no direction to bend in.
REACH = 0.9995
#: Sine of the knee's bend at which its own plane and its hinge count alike.
STRAIGHT = 0.1


def reach(hip: Tensor, knee: Tensor, ankle: Tensor) -> Tensor:
    """(T,) greatest distance of an ankle from its hip, m."""
    return REACH * ((knee - hip).norm(dim=-1) + (ankle - knee).norm(dim=-1))


def bend(
    hip: Tensor, knee: Tensor, ankle: Tensor, target: Tensor, thigh: Tensor, shank: Tensor
) -> tuple[Tensor, Tensor]:
    """Rotations of thigh and shank (T, 3, 3) that bring the ankle to ``target``, as near as the leg's length lets it.

    Points are (T, 3). The knee keeps to the plane in which it is bent; a straight one bends about the thigh's x axis,
    as knees do.
    """
    upper, lower = knee - hip, ankle - knee
    one, two = upper.norm(dim=-1, keepdim=True), lower.norm(dim=-1, keepdim=True)
    wanted = (target - hip).norm(dim=-1, keepdim=True)
    wanted = torch.minimum(torch.maximum(wanted, (one - two).abs() + 1e-3), REACH * (one + two))
    along = upper / one
    plane = torch.linalg.cross(along, lower / two)
    hinge = thigh[..., 0] - (thigh[..., 0] * along).sum(-1, keepdim=True) * along
    hinge = torch.nn.functional.normalize(hinge, dim=-1)
    # a leg that is all but straight, or bent the wrong way, says little of where its knee points; the hinge does
    forward = (plane * hinge).sum(-1, keepdim=True) > 0
    axis = STRAIGHT * hinge + torch.where(forward, plane, torch.zeros_like(plane))
    axis = axis / axis.norm(dim=-1, keepdim=True).clamp_min(1e-9)
    # law of cosines: how far the shank turns away from the thigh's line
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


#: Time in which a foot comes to its place and leaves it, s.
EASE = 0.2


def displacements(points: Tensor, standing: np.ndarray, fps: float, furthest: float) -> tuple[Tensor, np.ndarray]:
    """``points`` (T, 2, 3) ankle and ball of one foot, ``standing`` (T, 2): (T, 3) m by which the foot moves, and
    (T,) which of the two is held: 0, 1, or -1 for neither.

    A stand begins at the mean place of its first point. Where the foot rolls from heel to ball, the ball is held from
    where it is then, so that nothing jumps. The ball is held when both stand. A stand in which the foot would move
    further than ``furthest`` m is left alone: what slides so far does not stand.
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
    """Between two stands the displacement of the first fades out and that of the second fades in."""
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


#: The pelvis sinks so far at most, m, and smoothly over this time, s.
DEEPEST, SMOOTH = 0.15, 0.15
#: Share of its reach that a held leg may take without the pelvis sinking.
EASY = 0.98
_LEGS = tuple(tuple(JOINT[f"{side}_{part}"] for part in ("hip", "knee", "ankle")) for side in ("left", "right"))


def lock(
    pose: Tensor, trans: Tensor, rest: Tensor, standing: Tensor, fps: float, furthest: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Motion (T, 24, 3, 3), (T, 3) with the feet held while ``standing`` (T, 2, 2) says so; (T, 2) by how much each
    foot was moved, m; (T, 2) whether it is held (see :func:`displacements` for ``furthest``).

    Feet keep their orientation in the world; frames that need nothing stay as they are.
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
    """(T,) m: the least by which the pelvis must sink for every held foot to be in reach, made smooth from above."""
    need = joints.new_zeros(len(joints))
    for (hip, knee, ankle), target, stands in zip(_LEGS, targets, held, strict=True):
        over = joints[:, hip] - target
        longest = reach(joints[:, hip], joints[:, knee], joints[:, ankle])
        # the last per cent of a leg's length costs its knee a jump: no straighter than it was, or all but straight
        own = (joints[:, hip] - joints[:, ankle]).norm(dim=-1)
        longest = torch.minimum(longest, torch.maximum(own, EASY * longest))
        flat = over[:, 0].square() + over[:, 2].square()
        least = over[:, 1] - (longest.square() - flat).clamp_min(0.0).sqrt()
        need = torch.maximum(need, torch.where(stands, least, torch.zeros_like(least)))
    need = need.clamp(0.0, DEEPEST)
    if not (need > 0).any():
        return need
    # the mean over a window of the greatest value in a window of the same width is never below the value itself
    half = max(1, round(SMOOTH * fps))
    row = torch.nn.functional.pad(need[None, None], (2 * half, 2 * half), mode="replicate")
    most = torch.nn.functional.max_pool1d(row, 2 * half + 1, stride=1)
    return torch.nn.functional.avg_pool1d(most, 2 * half + 1, stride=1)[0, 0]
