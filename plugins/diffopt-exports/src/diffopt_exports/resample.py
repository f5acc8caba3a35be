"""The same motion at another frame rate: shortest rotations and straight lines between the frames."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from diffopt_core.rotation import slerp
from diffopt_core.types import CameraTrajectory
from torch import Tensor


@dataclass(frozen=True)
class Grid:
    """Where the new frames fall: between the old frames ``before`` and ``after``, at the share ``share`` of the way."""

    before: Tensor
    after: Tensor
    share: Tensor

    @classmethod
    def between(cls, frames: int, source: float, target: float) -> Grid:
        """New frames at ``k / target`` seconds, as many as fit into the old clip."""
        count = math.floor((frames - 1) * target / source + 1e-6) + 1
        at = torch.arange(count, dtype=torch.float64) * (source / target)
        # a frame that was there is taken as it is, whatever the division left behind the comma
        at = torch.where((at - at.round()).abs() < 1e-6, at.round(), at).clamp_max(frames - 1)
        before = at.floor().long()
        return cls(before, (before + 1).clamp_max(frames - 1), at - before)

    def lines(self, values: Tensor) -> Tensor:
        """(T, ...) to (N, ...), straight."""
        share = self.share.to(values).reshape(-1, *[1] * (values.dim() - 1))
        return torch.lerp(values[self.before], values[self.after], share)

    def rotations(self, values: Tensor) -> Tensor:
        """(T, ..., 3, 3) to (N, ..., 3, 3), the short way round."""
        first, second = values[self.before], values[self.after]
        share = self.share.to(values).reshape(-1, *[1] * (values.dim() - 3)).expand(first.shape[:-2])
        moved = slerp(first, second, share)
        kept = (share == 0)[..., None, None]
        return torch.where(kept, first, moved)

    def nearest(self, values: Tensor) -> Tensor:
        """(T, ...) to (N, ...), for labels."""
        return values[torch.where(self.share < 0.5, self.before, self.after)]

    def camera(self, camera: CameraTrajectory) -> CameraTrajectory:
        """The camera's centre moves on straight lines, not its ``t``."""
        R, centre = self.rotations(camera.R), self.lines(camera.position)
        return replace(
            camera,
            R=R,
            t=-(R @ centre.unsqueeze(-1)).squeeze(-1),
            focal=self.lines(camera.focal),
            centre=self.lines(camera.centre),
        )
