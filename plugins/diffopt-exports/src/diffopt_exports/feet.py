"""Standing feet held in place: when a foot stands, where it is held, and legs that follow by inverse kinematics."""

from __future__ import annotations

import logging
import math
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from diffopt_core.data.geometry import forward_kinematics
from diffopt_core.data.skeleton import JOINT, PARENTS
from diffopt_core.results.saved import Figure, posed
from torch import Tensor

#: Per foot the joints that may stand: ankle (over the heel), and foot (the ball).
POINTS: tuple[tuple[int, int], ...] = tuple(
    (JOINT[f"{side}_ankle"], JOINT[f"{side}_foot"]) for side in ("left", "right")
)
#: A point stands below this height over its low mark (m) and, for `auto`, this speed (m/s).
HEIGHT, SPEED = 0.05, 0.7
#: Shortest stand, and gaps that are closed, s.
SHORTEST, GAP = 0.1, 0.07


def contacts(joints: Tensor, fps: float, by_speed: bool) -> Tensor:
    """(T, 2, 2) bool: left and right foot; ankle, ball. ``by_speed``: a low point that moves fast does not stand."""
    points = joints[:, [list(pair) for pair in POINTS]]  # T 2 2 3
    height = points[..., 1]
    # both feet share a low mark for each of the two points; a quantile, since a dip of one frame is noise
    mark = torch.quantile(height.flatten(0, 1), 0.05, dim=0)
    standing = height - mark < HEIGHT
    if by_speed and len(points) > 1:
        standing &= _speed(points, fps) < SPEED
    return torch.from_numpy(_tidied(standing.numpy(), fps))


def _speed(points: Tensor, fps: float) -> Tensor:
    """(T, ...) m/s, the mean of the steps before and after each frame."""
    steps = points.diff(dim=0).norm(dim=-1) * fps
    before, after = torch.cat([steps[:1], steps]), torch.cat([steps, steps[-1:]])
    return 0.5 * (before + after)


def _tidied(standing: np.ndarray, fps: float) -> np.ndarray:
    """Short gaps closed, then short stands dropped."""
    out = standing.copy()
    for foot, point in np.ndindex(*out.shape[1:]):
        row = out[:, foot, point]
        for value, seconds in ((False, GAP), (True, SHORTEST)):
            for first, last in runs(row == value):
                at_the_rim = first == 0 or last == len(row)
                if last - first < seconds * fps and not (at_the_rim and not value):
                    row[first:last] = not value
    return out


def runs(row: np.ndarray) -> list[tuple[int, int]]:
    """Half-open spans in which a row of booleans is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], row.astype(bool), [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


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


#: Ankle and ball of a standing foot over its sole, as shares of the leg's length, for a body without a surface
#: (those of the embedded mesh body).
_SHARES = (0.096, 0.034)


def clearance(figure: Figure) -> Tensor:
    """(2,) m: height of ankle and ball over the sole of a flat foot."""
    rest = figure.rest
    heights = rest[[list(pair) for pair in POINTS], 1].mean(0)
    if figure.mesh is not None:
        template = figure.mesh.arrays.template.double()
        betas = figure.betas.double()
        shaped = template + torch.einsum("vdk,k->vd", figure.mesh.arrays.shapedirs.double(), betas)
        return heights - (shaped[:, 1].min() - figure.pelvis[1])
    leg = (rest[JOINT["left_hip"]] - rest[JOINT["left_ankle"]]).norm()
    return leg * torch.tensor(_SHARES, dtype=rest.dtype)


def lift(joints: Tensor, standing: Tensor, figure: Figure) -> float:
    """m to add to y: minus the median height of the lower sole over the frames in which a foot stands (all frames
    where none does: then the lowest tenth of them)."""
    points = joints[:, [list(pair) for pair in POINTS], 1]  # T 2 2
    soles = (points - clearance(figure)).flatten(1)
    some = standing.flatten(1)
    lowest = torch.where(some, soles, torch.inf).amin(1)
    stands = some.any(1)
    if stands.any():
        return -float(lowest[stands].median())
    return -float(torch.quantile(soles.amin(1), 0.1))


log = logging.getLogger(__name__)
#: A foot that `auto` would have to move further than this in one stand is not taken to stand, m.
FURTHEST = 0.15


def standing_feet(policy: str, joints: Tensor, fps: float) -> Tensor:
    """(T, 2, 2) bool: which foot stands, on ankle or ball."""
    return contacts(joints, fps, by_speed=policy != "always")


def set_feet(
    policy: str, pose: Tensor, trans: Tensor, figure: Figure, standing: Tensor, fps: float
) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """The motion with its feet set where ``standing`` (T, 2, 2) says so, and what that moved, mm."""
    stands = sum(len(runs(standing[:, foot].any(-1).numpy())) for foot in range(2))
    told: dict[str, Any] = {"policy": policy, "stands": stands, "standing_share": _share(standing)}
    if policy == "ground":
        shift = lift(posed(pose, trans, figure.rest), standing, figure)
        told["lifted_mm"] = round(shift * 1e3, 3)
        log.info("feet: the clip was lifted by %.1f mm", shift * 1e3)
        return pose, trans + trans.new_tensor([0.0, shift, 0.0]), told
    before = posed(pose, trans, figure.rest)
    furthest = FURTHEST if policy == "auto" else math.inf
    pose, trans, moved, held = lock(pose, trans, figure.rest, standing, fps, furthest)
    standing = standing & held[..., None]
    locked = sum(len(runs(held[:, foot].numpy())) for foot in range(2))
    after = posed(pose, trans, figure.rest)
    told |= {
        "stands_locked": locked,
        "slide_before_mm_per_frame": _slide(before, standing),
        "slide_after_mm_per_frame": _slide(after, standing),
        "foot_displacement_mean_mm": _mm(moved.mean()),
        "foot_displacement_max_mm": _mm(moved.max()),
        "pelvis_displacement_max_mm": _mm((after[:, 0] - before[:, 0]).norm(dim=-1).max()),
        "joint_displacement_max_mm": _mm((after - before).norm(dim=-1).max()),
    }
    log.info(
        "feet: %d of %d stands locked, feet moved by up to %.1f mm", locked, stands, told["foot_displacement_max_mm"]
    )
    if locked < stands:
        log.warning("feet: %d of %d stands slide further than %.0f cm and were left alone (--feet always holds them)",
                    stands - locked, stands, 100 * FURTHEST)  # fmt: skip
    return pose, trans, told


def _slide(joints: Tensor, standing: Tensor) -> float:
    """Mean way of the held point between frames in which it is held, mm."""
    ways = []
    for foot, (ankle, ball) in enumerate(POINTS):
        for joint, held in ((ball, standing[:, foot, 1]), (ankle, standing[:, foot, 0] & ~standing[:, foot, 1])):
            both = held[1:] & held[:-1]
            ways.append(joints[:, joint].diff(dim=0).norm(dim=-1)[both])
    way = torch.cat(ways)
    return _mm(way.mean()) if len(way) else 0.0


def _share(standing: Tensor) -> float:
    return round(float(standing.any(-1).double().mean()), 4)


def _mm(metres: Tensor) -> float:
    return round(float(metres) * 1e3, 3)
