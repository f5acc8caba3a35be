"""The camera as USD has it: it looks along -z with y up; focal length and aperture, whose ratio is what counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from diffopt_core.types import CameraTrajectory
from pxr import Gf, Usd, UsdGeom

from ..orient import Axes

#: Width of a 35 mm film, mm.
_WIDTH = 36.0


def add_camera(stage: Usd.Stage, camera: CameraTrajectory, size: tuple[int, int], axes: Axes) -> dict[str, Any]:
    """Define ``/camera`` with a transform and a focal length each frame. ``size``: width, height, px."""
    width, height = size
    prim = UsdGeom.Camera.Define(stage, "/camera")
    places = axes.points(camera.position)
    turn = torch.diag(camera.R.new_tensor([1.0, -1.0, -1.0]))
    rows = (axes.matrix @ camera.R.double().mT @ turn.double()).mT.numpy()  # rows: USD multiplies from the left
    transform = prim.AddTransformOp()
    # apertures and focal length are in tenths of a scene unit
    tenths = axes.scale / 1000 * 10
    prim.CreateHorizontalApertureAttr(_WIDTH * tenths)
    vertical, lens = prim.CreateVerticalApertureAttr(), prim.CreateFocalLengthAttr()
    prim.CreateClippingRangeAttr(Gf.Vec2f(0.01 * axes.scale, 1000.0 * axes.scale))
    focal = camera.focal.double().numpy()
    middle = np.median(focal, axis=0)
    vertical.Set(float(_WIDTH * height / width * middle[0] / middle[1] * tenths))
    for frame in range(len(places)):
        matrix = np.eye(4)
        matrix[:3, :3], matrix[3, :3] = rows[frame], places[frame]
        transform.Set(Gf.Matrix4d(matrix.tolist()), frame)
        lens.Set(float(_WIDTH * focal[frame, 0] / width * tenths), frame)
    off = np.abs(camera.centre.double().numpy() - [width / 2, height / 2]).max(0)
    return {"focal_px": [round(float(v), 4) for v in middle], "centre_off_middle_px": [round(float(v), 4) for v in off]}
