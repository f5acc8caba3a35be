"""A result in the images of its clip: keypoints, and projected body points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from diffopt_core.data.geometry import project, world_to_camera
from diffopt_core.parts.bodies.stick_body import StickBody
from diffopt_core.results.saved import Figure
from diffopt_core.types import HumanMotion, Result

#: Keypoints with a lower confidence are not drawn.
CONFIDENT = 0.3
_NEAREST = 0.05


@dataclass(frozen=True)
class Seen:
    """Pixels of images of ``size`` (width, height). ``observed`` (T, J, 3): x, y, confidence, None without keypoints;
    ``landed`` (T, J, 2): the same points of the body, nan behind the camera or if the body has no such point. ``bones``
    (T, 24, 2): the joints, nan behind the camera."""

    size: tuple[int, int]
    observed: np.ndarray | None
    landed: np.ndarray | None
    bones: np.ndarray

    def error(self, frame: int) -> float | None:
        """Median distance of confident keypoints to the body's points, px; None if there are none."""
        if self.observed is None or self.landed is None:
            return None
        sure = self.observed[frame, :, 2] > CONFIDENT
        apart = np.linalg.norm(self.landed[frame] - self.observed[frame, :, :2], axis=-1)[sure]
        apart = apart[np.isfinite(apart)]
        return float(np.median(apart)) if len(apart) else None


@torch.no_grad()
def seen_of(result: Result, figure: Figure) -> Seen | None:
    """The projected result; None for a result without a camera."""
    size = result.clip.size
    if min(size) <= 0:
        return None
    observations = result.clip.observations
    observed = landed = None
    if observations is not None and len(observations.keypoints) == len(result.joints):
        observed = observations.keypoints.detach().cpu().float().numpy()
        landed = _pixels(result, *_points(result, figure, observations.layout))
    return Seen(size, observed, landed, _pixels(result, result.joints, None))


def _points(result: Result, figure: Figure, layout: str) -> tuple[torch.Tensor, np.ndarray]:
    """The body's points of a keypoint layout (T, J, 3) in the world, m, and which of them it has (J,)."""
    motion = result.motion
    one = HumanMotion(motion.pose[None].cpu(), motion.trans[None].cpu(), figure.betas[None].to(motion.pose.cpu()), "")
    stick = StickBody(figure.rest.to(one.pose))
    if figure.mesh is not None:
        one = HumanMotion(one.pose, one.trans, one.betas, figure.mesh.name)
        if sum(figure.mesh.served(layout)) >= sum(stick.served(layout)):
            return figure.mesh.keypoints(one, layout)[0], np.array(figure.mesh.served(layout))
    return stick.keypoints(one, layout)[0], np.array(stick.served(layout))


def _pixels(result: Result, points: torch.Tensor, has: np.ndarray | None) -> np.ndarray:
    camera = result.camera
    inside = world_to_camera(points.cpu(), camera.R.cpu(), camera.t.cpu())
    pixels = project(inside, camera.focal.cpu(), camera.centre.cpu()).float().numpy()
    gone = (inside[..., 2] <= _NEAREST).numpy()
    if has is not None:
        gone = gone | ~has
    return np.where(gone[..., None], np.nan, pixels)
