"""The camera as glTF has it: it looks along -z with y up, and its lens does not change."""

from __future__ import annotations

import math
from typing import Any

import torch
from diffopt_core.types import CameraTrajectory
from pygltflib import Camera, Perspective
from torch import Tensor

NEAR = 0.01


def lens(camera: CameraTrajectory, size: tuple[int, int]) -> tuple[Camera, dict[str, Any]]:
    """The perspective of the median focal length, and what it leaves out. ``size``: width, height, px."""
    width, height = size
    focal = camera.focal.median(dim=0).values
    spread = camera.focal / focal - 1
    off = camera.centre - camera.centre.new_tensor([width / 2, height / 2])
    perspective = Perspective(
        yfov=2 * math.atan(height / (2 * float(focal[1]))),
        aspectRatio=width / height * float(focal[1] / focal[0]),
        znear=NEAR,
    )
    left_out = {
        "focal_px": [round(float(v), 4) for v in focal],
        "focal_change_percent": round(100 * float(spread.abs().max()), 4),
        "centre_off_middle_px": [round(float(v), 4) for v in off.abs().max(dim=0).values],
    }
    return Camera(type="perspective", perspective=perspective, name="camera"), left_out


def placement(camera: CameraTrajectory) -> tuple[Tensor, Tensor]:
    """Rotations (T, 3, 3) and places (T, 3) of the camera's node: from OpenCV's axes (y down, z forward)."""
    turn = torch.diag(camera.R.new_tensor([1.0, -1.0, -1.0]))
    return camera.R.mT @ turn, camera.position
