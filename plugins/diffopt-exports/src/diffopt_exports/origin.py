"""Start over the origin, facing forward: one turn about the vertical and one horizontal shift for the whole clip."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from diffopt_core.rotation import yaw_to_matrix
from diffopt_core.types import CameraTrajectory
from torch import Tensor


@dataclass(frozen=True)
class Start:
    """``x_new = R (x - at)``; ``R`` (3, 3), ``at`` (3,) m with y = 0."""

    R: Tensor
    at: Tensor

    @classmethod
    def of(cls, pose: Tensor, trans: Tensor) -> Start:
        """From the first frame: its pelvis comes over the origin, its front to +z."""
        root = pose[0, 0]
        forward = torch.linalg.cross(root[:, 0], root.new_tensor([0.0, 1.0, 0.0]))
        if forward.norm() < 0.2:  # lying on a side: the left-right axis is upright and says nothing
            forward = root[:, 2]
        angle = torch.atan2(forward[0], forward[2])
        return cls(yaw_to_matrix(-angle), trans[0] * trans.new_tensor([1.0, 0.0, 1.0]))

    def motion(self, pose: Tensor, trans: Tensor) -> tuple[Tensor, Tensor]:
        root = self.R @ pose[:, :1]
        return torch.cat([root, pose[:, 1:]], dim=1), (trans - self.at) @ self.R.mT

    def camera(self, camera: CameraTrajectory) -> CameraTrajectory:
        """``x_cam = R_c x + t = (R_c R^T) x_new + (t + R_c at)``."""
        R, at = self.R.to(camera.R), self.at.to(camera.t)
        return replace(camera, R=camera.R @ R.mT, t=camera.t + camera.R @ at)

    def describe(self) -> dict[str, list[float] | float]:
        """What undoes it."""
        degrees = float(torch.rad2deg(torch.atan2(self.R[0, 2], self.R[0, 0])))
        return {"turned_about_y_deg": round(degrees, 6), "from_m": [round(float(v), 6) for v in self.at]}
