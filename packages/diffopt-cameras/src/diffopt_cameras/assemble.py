"""Turn solved poses into a trajectory: gauge, gaps, units and facts."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from diffopt_core.data.fill import fill_linear, fill_rotations
from diffopt_core.types import CameraTrajectory, Clip, Travel, Unit
from numpy.typing import NDArray

from .focal import Focal
from .upright import Upright
from .wahba import Array


def in_first_camera(R: Array, t: Array) -> tuple[Array, Array]:
    """World to camera, with the first camera's frame as the world: ``R[0]`` is the identity, ``t[0]`` is 0."""
    turned = R @ R[0].T
    return turned, t - turned @ t[0]


def filled(R: Array, t: Array, solved: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Fill the frames that were not solved from their neighbours: rotations by slerp, positions linearly."""
    if solved.all():
        return R, t
    mask = torch.from_numpy(solved)
    where = -np.einsum("tji,tj->ti", R, t)
    turns = fill_rotations(torch.from_numpy(np.ascontiguousarray(R)), mask).numpy()
    places = fill_linear(torch.from_numpy(where), mask).numpy()
    return turns, -np.einsum("tij,tj->ti", turns, places)


def assemble(
    clip: Clip,
    R: Array,
    t: Array,
    solved: NDArray[np.bool_],
    focal: Focal,
    travel: Travel,
    facts: dict[str, Any],
    unit: Unit = "metre",
    zoom: Array | None = None,
    trusted: bool = True,
    lines: Upright | None = None,
) -> CameraTrajectory:
    """The trajectory for every frame of the clip, in the first camera's frame. The principal point is the image centre.

    ``unit`` is the metre where t is 0, as no scale is unknown then. ``zoom`` [T]: factors of the focal length;
    ``lines``: the vertical, in the world of ``R``. A trajectory with unknown travel is not trusted.
    """
    R, t = filled(R, t, solved)
    frames, up, up_var = clip.num_frames, None, None
    if lines is not None:  # in each camera, so that it does not depend on the world
        up, up_var = torch.from_numpy(R @ lines.up).float(), torch.full((frames,), lines.sd**2)
        facts = {**facts, "vertical": lines.facts()}
    R, t = in_first_camera(R, t)
    return CameraTrajectory(
        R=torch.from_numpy(np.ascontiguousarray(R)).float(),
        t=torch.from_numpy(np.ascontiguousarray(t)).float(),
        focal=torch.from_numpy(focal.pixels * (np.ones(frames) if zoom is None else zoom))
        .float()[:, None]
        .repeat(1, 2),
        centre=(torch.tensor(clip.size).float() / 2).expand(frames, 2).clone(),
        unit=unit,
        travel=travel,
        filled=torch.from_numpy(~solved),
        up=up,
        up_var=up_var,
        trusted=trusted and travel != "unknown",
        facts={**facts, "focal_from": focal.said},
    )


def standing(frames: int) -> tuple[Array, Array]:
    """``R`` and ``t`` of a camera that does not move."""
    return np.broadcast_to(np.eye(3), (frames, 3, 3)).copy(), np.zeros((frames, 3))
