"""From what was solved to a trajectory: gauge, gaps, units, facts."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from diffopt_core.datasets.fill import fill_linear, fill_rotations
from diffopt_core.types import CameraTrajectory, Clip
from diffopt_core.window import ARBITRARY
from numpy.typing import NDArray

from .focal import Focal
from .wahba import Array


def in_first_camera(R: Array, t: Array) -> tuple[Array, Array]:
    """World to camera, in the frame of the first camera: ``R[0]`` is the identity, ``t[0]`` is 0."""
    turned = R @ R[0].T
    return turned, t - turned @ t[0]


def filled(R: Array, t: Array, solved: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Frames that were not solved, between their neighbours: turns by slerp, positions on the straight line."""
    if solved.all():
        return R, t
    mask = torch.from_numpy(solved)
    where = -np.einsum("tji,tj->ti", R, t)
    turns = fill_rotations(torch.from_numpy(np.ascontiguousarray(R)), mask).numpy()
    places = fill_linear(torch.from_numpy(where), mask).numpy()
    return turns, -np.einsum("tij,tj->ti", turns, places)


def assemble(
    clip: Clip, R: Array, t: Array, solved: NDArray[np.bool_], focal: Focal, metric: bool, facts: dict[str, Any]
) -> CameraTrajectory:
    """The trajectory of every frame of the clip, first camera's frame; the principal point is the image's centre.

    ``metric`` is true where t is known in metres, which it is where it is 0: no scale is left to be found then.
    """
    R, t = in_first_camera(*filled(R, t, solved))
    frames = clip.num_frames
    facts = {
        **facts,
        "focal_from": focal.said,
        "path": "fixed" if metric else ("tracked" if facts.get("trusted", True) else "unknown"),
        "unit": "metre" if metric else ("metre, guessed" if "scale_spread" in facts else ARBITRARY),
        "filled": np.flatnonzero(~solved).tolist(),
    }
    return CameraTrajectory(
        R=torch.from_numpy(np.ascontiguousarray(R)).float(),
        t=torch.from_numpy(np.ascontiguousarray(t)).float(),
        focal=torch.full((frames, 2), float(focal.pixels)),
        centre=(torch.tensor(clip.size).float() / 2).expand(frames, 2).clone(),
        metric=metric,
        facts=facts,
    )


def standing(frames: int) -> tuple[Array, Array]:
    """``R`` and ``t`` of a camera that does not move."""
    return np.broadcast_to(np.eye(3), (frames, 3, 3)).copy(), np.zeros((frames, 3))
