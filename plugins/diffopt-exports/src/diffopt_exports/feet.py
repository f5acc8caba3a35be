"""Foot contacts: detect them, lock the feet or set the clip on the floor, and report the displacement."""

from __future__ import annotations

import logging
import math
from typing import Any

import torch
from diffopt_core.data.contact import runs, skate, standing
from diffopt_core.data.skeleton import JOINT
from diffopt_core.results.saved import Figure, posed
from torch import Tensor

from .legs import POINTS, lock

#: Height of ankle and ball over the sole, as shares of the leg length, for a body without a surface (values of the
#: embedded mesh body).
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
    """m to add to y: minus the median height of the lower sole over the frames with a contact (without any: over the
    lowest tenth of all frames)."""
    points = joints[:, [list(pair) for pair in POINTS], 1]  # T 2 2
    soles = (points - clearance(figure)).flatten(1)
    some = standing.flatten(1)
    lowest = torch.where(some, soles, torch.inf).amin(1)
    stands = some.any(1)
    if stands.any():
        return -float(lowest[stands].median())
    return -float(torch.quantile(soles.amin(1), 0.1))


log = logging.getLogger(__name__)
#: `auto` ignores a contact in which it would have to move the foot further than this, m.
FURTHEST = 0.15


def standing_feet(policy: str, joints: Tensor, fps: float) -> Tensor:
    """(T, 2, 2) bool: contacts of each foot, at ankle and ball."""
    return standing(joints, fps, by_speed=policy != "always").unflatten(1, (2, 2)).mT


def set_feet(
    policy: str, pose: Tensor, trans: Tensor, figure: Figure, stand: Tensor, fps: float
) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """The motion with feet locked where ``stand`` (T, 2, 2) is true, and the displacements, mm."""
    stands = sum(len(runs(stand[:, foot].any(-1).numpy())) for foot in range(2))
    told: dict[str, Any] = {"policy": policy, "stands": stands, "standing_share": _share(stand)}
    if policy == "ground":
        shift = lift(posed(pose, trans, figure.rest), stand, figure)
        told["lifted_mm"] = round(shift * 1e3, 3)
        log.info("feet: the clip was lifted by %.1f mm", shift * 1e3)
        return pose, trans + trans.new_tensor([0.0, shift, 0.0]), told
    before = posed(pose, trans, figure.rest)
    furthest = FURTHEST if policy == "auto" else math.inf
    pose, trans, moved, held = lock(pose, trans, figure.rest, stand, fps, furthest)
    stand = stand & held[..., None]
    locked = sum(len(runs(held[:, foot].numpy())) for foot in range(2))
    after = posed(pose, trans, figure.rest)
    told |= {
        "stands_locked": locked,
        "slide_before_mm_per_frame": _slide(before, stand),
        "slide_after_mm_per_frame": _slide(after, stand),
        "foot_displacement_mean_mm": _mm(moved.mean()),
        "foot_displacement_max_mm": _mm(moved.max()),
        "pelvis_displacement_max_mm": _mm((after[:, 0] - before[:, 0]).norm(dim=-1).max()),
        "joint_displacement_max_mm": _mm((after - before).norm(dim=-1).max()),
    }
    log.info(
        "feet: %d of %d contacts locked, feet moved by up to %.1f mm", locked, stands, told["foot_displacement_max_mm"]
    )
    if locked < stands:
        log.warning("feet: %d of %d contacts slide further than %.0f cm and were not locked (--feet always locks them)",
                    stands - locked, stands, 100 * FURTHEST)  # fmt: skip
    return pose, trans, told


def _slide(joints: Tensor, stands: Tensor) -> float:
    """Foot skate as in the metric, mm per frame; ``stands`` (T, 2, 2)."""
    return round(skate(joints, stands.mT.flatten(1)) or 0.0, 3)


def _share(standing: Tensor) -> float:
    return round(float(standing.any(-1).double().mean()), 4)


def _mm(metres: Tensor) -> float:
    return round(float(metres) * 1e3, 3)
