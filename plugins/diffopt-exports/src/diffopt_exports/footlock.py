"""Hold standing feet in place: the legs follow by inverse kinematics, the pelvis sinks where a leg is too short."""

from __future__ import annotations

import torch
from diffopt_core.geometry import forward_kinematics
from diffopt_core.skeleton import JOINT, PARENTS
from torch import Tensor

from .anchors import displacements
from .contact import POINTS
from .legs import bend, reach

#: The pelvis sinks so far at most, m, and smoothly over this time, s.
DEEPEST, SMOOTH = 0.15, 0.15
#: Share of its reach that a held leg may take without the pelvis sinking.
EASY = 0.98
_LEGS = tuple(tuple(JOINT[f"{side}_{part}"] for part in ("hip", "knee", "ankle")) for side in ("left", "right"))


def lock(
    pose: Tensor, trans: Tensor, rest: Tensor, standing: Tensor, fps: float, furthest: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Motion (T, 24, 3, 3), (T, 3) with the feet held while ``standing`` (T, 2, 2) says so; (T, 2) by how much each
    foot was moved, m; (T, 2) whether it is held (see :func:`.anchors.displacements` for ``furthest``).

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
