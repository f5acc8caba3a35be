"""A camera of ours as one of PyTorch3D's: x left and y up there, and points are rows."""

from __future__ import annotations

from typing import Any

import torch
from diffopt_core.types import CameraTrajectory


def camera_of(camera: CameraTrajectory, size: tuple[int, int], device: torch.device, samples: int = 1) -> Any:
    """``PerspectiveCameras`` in px of an image ``samples`` times ``size`` (width, height).

    ``x_cam = R x + t`` with x right, y down; theirs is ``x R' + T``, turned round: ``R' = (F R)^T``, ``T = F t`` with
    F = diag(-1, -1, 1). Focal length and centre stay in px, which they turn into their own unit.
    """
    from pytorch3d.renderer import PerspectiveCameras

    R, t, focal, centre = (x.detach().to(device).float() for x in (camera.R, camera.t, camera.focal, camera.centre))
    turn = R.new_tensor([-1.0, -1.0, 1.0])
    return PerspectiveCameras(
        R=(turn[:, None] * R).T[None],
        T=(turn * t)[None],
        focal_length=samples * focal[None],
        principal_point=samples * centre[None],
        image_size=[(samples * size[1], samples * size[0])],
        in_ndc=False,
        device=device,
    )
