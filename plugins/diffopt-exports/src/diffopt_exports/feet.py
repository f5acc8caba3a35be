"""The foot policy: ``auto``, ``always``, ``ground`` (``never`` does not come here)."""

from __future__ import annotations

import logging
import math
from typing import Any

import torch
from diffopt_core.saved import Figure, posed
from torch import Tensor

from .contact import POINTS, contacts, runs
from .footlock import lock
from .ground import lift

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
