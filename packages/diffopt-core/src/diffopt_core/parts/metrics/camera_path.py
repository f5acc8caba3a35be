"""Errors of the camera's path: absolute (ATE) and from frame to frame (RPE).

Camera poses are camera to world, ``T_i = [R_i^T, C_i]`` with ``C = -R^T t``. SLAM knows no metre, so each translational
error comes with and without a scale of the whole path. Root mean squares, as the field prints them: one value a clip.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.geometry import align, transform
from ...data.rotation import geodesic
from ...interfaces import Scored
from ...types import CameraTrajectory
from .evidence import MM, NotScorable, at_least, cameras, pair

#: A path of less extent than this (m, root mean square about its mean) has no scale that could be fitted.
_STILL = 1e-6


@dataclass(frozen=True)
class CameraAte:
    """``sqrt(mean_i |s R C_i + t - G_i|^2)`` in mm, ``C`` and ``G`` the predicted and true camera centres.

    Alignment: Umeyama over the whole path, with ``s`` fitted if ``scale``, else 1. The value is unique even where the
    rotation is not (a straight path). Source: Sturm et al., IROS 2012. ``squared`` False takes the mean distance
    instead, which TRAM prints (``scripts/emdb/run_eval.py``): its ATE with, its ATE-S without a scale.
    """

    scale: bool
    squared: bool = True
    unit = "mm"

    def __call__(self, scored: Scored) -> Float[Tensor, ""]:
        pred, true = _paths(scored)
        source, target = pred.position.double(), true.position.double()
        distance = (_aligned(source, target, self.scale) - target).norm(dim=-1)
        return (distance.square().mean().sqrt() if self.squared else distance.mean()) * MM


@dataclass(frozen=True)
class CameraRpe:
    """``E_i = (G_i^-1 G_{i+1})^-1 (T_i^-1 T_{i+1})``: root mean square of its translation, mm a frame.

    ``scale``: the predicted path times the scale of the whole path's fit. No alignment: frames are compared in their
    own axes. Source: Sturm et al., IROS 2012, with a step of one frame.
    """

    scale: bool
    unit = "mm a frame"

    def __call__(self, scored: Scored) -> Float[Tensor, ""]:
        pred, true = _paths(scored)
        moved, truly_moved = _steps(pred)[1], _steps(true)[1]
        if self.scale:
            moved = moved * _fit(pred.position.double(), true.position.double())[2]
        return (moved - truly_moved).norm(dim=-1).square().mean().sqrt() * MM


class CameraRpeRotation:
    """Root mean square of the angle of ``E_i`` (see :class:`CameraRpe`), degrees a frame. Source: as there."""

    unit = "deg a frame"

    def __call__(self, scored: Scored) -> Float[Tensor, ""]:
        pred, true = _paths(scored)
        return torch.rad2deg(geodesic(_steps(pred)[0], _steps(true)[0])).square().mean().sqrt()


def _paths(scored: Scored) -> tuple[CameraTrajectory, CameraTrajectory]:
    """Both cameras, two frames of them at least; NotScorable where the prediction is broken, body or camera."""
    pair(scored)
    pred, true = cameras(scored)
    at_least(true.position, 2)
    for camera, side in ((pred, "the predicted camera"), (true, "the true camera")):
        if not (camera.R.isfinite().all() and camera.t.isfinite().all()):
            raise NotScorable(f"{side} is not finite")
    return pred, true


def _steps(
    camera: CameraTrajectory,
) -> tuple[Float[Tensor, "{len(camera.R)}-1 3 3"], Float[Tensor, "{len(camera.R)}-1 3"]]:
    """Rotation and translation of ``T_i^-1 T_{i+1}``: of the next camera in the axes of this one."""
    R, C = camera.R.double(), camera.position.double()
    return R[:-1] @ R[1:].mT, (R[:-1] @ C.diff(dim=0)[..., None])[..., 0]


def _fit(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    if not (source - source.mean(0)).norm(dim=-1).square().mean().sqrt() > _STILL:
        raise NotScorable("the predicted camera does not move: its path has no scale")
    return align(source, target, scale=True)


def _aligned(source: Tensor, target: Tensor, scale: bool) -> Tensor:
    return transform(source, *(_fit(source, target) if scale else align(source, target, scale=False)))
