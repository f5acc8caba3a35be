"""One motion, one camera and one log out of overlapping stretches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..representations.parts import Parts
from ..rotation import columns_to_matrix, matrix_to_columns
from ..types import CameraTrajectory, HumanMotion, Result, Spread

#: What is said of one stretch and not of the whole.
_OF_ONE = ("doubt", "weights")


def _join(parts: Parts, rows: list[Tensor]) -> Tensor:
    return parts.join(torch.stack(rows).flatten(2))[0]


def joined_motion(stretches: list[Result], parts: Parts) -> HumanMotion:
    pose = _join(parts, [matrix_to_columns(each.motion.pose) for each in stretches]).unflatten(-1, (24, 6))
    trans = _join(parts, [each.motion.trans for each in stretches])
    return replace(stretches[0].motion, pose=columns_to_matrix(pose), trans=trans)


def joined_camera(stretches: list[Result], parts: Parts) -> CameraTrajectory:
    cameras = [each.camera for each in stretches]
    R = columns_to_matrix(_join(parts, [matrix_to_columns(each.R) for each in cameras]))
    position = _join(parts, [each.position for each in cameras])
    return replace(
        cameras[0],
        R=R,
        t=-(R @ position.unsqueeze(-1)).squeeze(-1),
        focal=_join(parts, [each.focal for each in cameras]),
        centre=_join(parts, [each.centre for each in cameras]),
    )


def joined_spread(stretches: list[Result], parts: Parts) -> Spread | None:
    """Bands of the stretches, each about an alignment of its own; None where one of them has none."""
    bands = [each.spread for each in stretches if each.spread is not None]
    if len(bands) < len(stretches):
        return None
    root = _join(parts, [band.root.unsqueeze(-1) for band in bands]).squeeze(-1)
    return Spread(min(band.draws for band in bands), root, _join(parts, [band.joints for band in bands]))


def mean_log(stretches: list[Result]) -> dict[str, dict[str, list[float]]]:
    """Term values by step, mean over the stretches."""
    mean: dict[str, dict[str, list[float]]] = {}
    for stage in stretches[0].log:
        every = [each.log.get(stage, {}) for each in stretches]  # one that diverged may lack a stage, or its end
        for name in every[0]:
            rows = [terms.get(name, []) for terms in every]
            if len({len(row) for row in rows}) == 1:
                mean.setdefault(stage, {})[name] = torch.tensor(rows).mean(0).tolist()
    return mean


def facts(stretches: list[Result], parts: Parts, factor: float) -> dict[str, Any]:
    """Provenance of the whole: seconds summed, and how far neighbours were apart where they meet."""
    told = {key: value for key, value in stretches[0].provenance.items() if key not in _OF_ONE}
    seconds = [each.provenance["seconds"] for each in stretches]
    told["seconds"] = {name: sum(each.get(name, 0.0) for each in seconds) for name in seconds[0]}
    told["scale"] = [factor]
    starts = parts.index[:, 0].tolist()
    apart = []
    for k in range(1, len(stretches)):
        shared = starts[k - 1] + parts.length - starts[k]
        gap = stretches[k].joints[:shared] - stretches[k - 1].joints[parts.length - shared :]
        apart.append(round(1e3 * float(gap.norm(dim=-1).mean()), 1))
    told["stretches"] = {"frames": parts.length, "starts": starts, "apart_mm": apart}
    return told
