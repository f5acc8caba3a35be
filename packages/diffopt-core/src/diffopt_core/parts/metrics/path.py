"""Metrics of the root path and the camera path."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.geometry import align, transform
from ...data.rotation import geodesic
from ...interfaces import Scored
from ...types import CameraTrajectory
from .evidence import MM, NotScorable, aligned_by, at_least, cameras, distance_mm, pair, root

_STANDS_STILL = 1e-6  # m


class Rte:
    """``100 |g_t - (R p_t + t)| / sum_i |g_{i+1} - g_i|`` in percent, a value per frame.

    ``p`` and ``g`` are the pelvis joints (mid-hip where the layout has no pelvis). Alignment: one rotation and
    translation of the whole clip's root path, no scale. If the person hardly moves, the path is mostly noise and the
    value means little. Source: WHAM, ``lib/eval/eval_utils.py``.
    """

    unit = "%"

    def __call__(self, scored: Scored) -> Float[Tensor, "T"]:
        pred, true = pair(scored)
        at_least(true, 2)
        source, target = root(scored, pred), root(scored, true)
        length = target.diff(dim=0).norm(dim=-1).sum()
        if not length > _STANDS_STILL:
            raise NotScorable("the true root does not move: there is no path to divide by")
        # A straight or motionless path does not determine the rotation about itself, but that does not change
        # distances.
        return (transform(source, *align(source, target, scale=False)) - target).norm(dim=-1) / length * 100.0


class PathRatio:
    """``sum_i |p_{i+K} - p_i| / sum_i |g_{i+K} - g_i|`` without unit, one value: 1 is right.

    ``p`` and ``g`` are the root positions, ``i`` every K-th frame with K a third of a second, so that jitter hardly
    lengthens the path. No alignment is needed. Together with ``first_frame`` it distinguishes a wrong scale from a
    wrong shape; WA-MPJPE100 hides the scale. If the person hardly moves it means little. Source: this project.
    """

    unit = ""

    def __call__(self, scored: Scored) -> Float[Tensor, ""]:
        pred, true = pair(scored)
        stride = max(1, round(scored.fps / 3))
        at_least(true, stride + 1)
        lengths = [root(scored, joints)[::stride].diff(dim=0).norm(dim=-1).sum() for joints in (pred, true)]
        if not lengths[1] > 1e-6:
            raise NotScorable("the true root does not move")
        return lengths[0] / lengths[1]


FRAMES = 100


@dataclass(frozen=True)
class ChunkedMpjpe:
    """``mean_j |s R p_tj + t - g_tj|`` in mm, a value per frame.

    Alignment: in every chunk of 100 kept frames (the last one shorter) a similarity, scale included, fitted on its
    first ``fit_frames`` frames (2 for W-MPJPE100) or on all of them (None, WA-MPJPE100). So W corrects the size of
    the body but not that of the path, and WA hides an error of the path's scale within 100 frames. Source: SLAHMR
    (Ye et al., CVPR 2023) and WHAM (Shin et al., CVPR 2024), ``lib/eval/evaluate_emdb.py``.
    """

    fit_frames: int | None
    unit = "mm"

    def chunks(self, frames: int) -> list[slice]:
        return [slice(start, min(start + FRAMES, frames)) for start in range(0, frames, FRAMES)]

    def __call__(self, scored: Scored) -> Float[Tensor, "N"]:
        pred, true = pair(scored)
        errors = []
        for chunk in self.chunks(len(true)):
            p, g, n = pred[chunk], true[chunk], self.fit_frames
            errors.append(distance_mm(aligned_by(p[:n], g[:n], p, scale=True), g))
        return torch.cat(errors)


@dataclass(frozen=True)
class TramChunkedMpjpe(ChunkedMpjpe):
    """The same with the chunks of TRAM's code: frames after the last whole chunk are appended to it, and the last of
    them is left out; if there are none, the last chunk is not scored; a sequence of 100 frames or fewer has no chunk.
    Source: TRAM (Wang et al., ECCV 2024), ``scripts/emdb/run_eval.py``.
    """

    def chunks(self, frames: int) -> list[slice]:
        starts = range(0, frames - FRAMES, FRAMES)
        if not starts:
            raise NotScorable(f"TRAM's protocol needs more than {FRAMES} frames, there are {frames}")
        return [slice(s, frames - 1 if s + 2 * FRAMES > frames else s + FRAMES) for s in starts]


#: Least extent of a path (m, root mean square about its mean) for fitting a scale.
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
    """``E_i = (G_i^-1 G_{i+1})^-1 (T_i^-1 T_{i+1})``: root mean square of its translation, mm per frame.

    ``scale``: the predicted path times the scale of the whole path's fit. No alignment: frames are compared in their
    own axes. Source: Sturm et al., IROS 2012, with a step of one frame.
    """

    scale: bool
    unit = "mm per frame"

    def __call__(self, scored: Scored) -> Float[Tensor, ""]:
        pred, true = _paths(scored)
        moved, truly_moved = _steps(pred)[1], _steps(true)[1]
        if self.scale:
            moved = moved * _fit(pred.position.double(), true.position.double())[2]
        return (moved - truly_moved).norm(dim=-1).square().mean().sqrt() * MM


class CameraRpeRotation:
    """Root mean square of the angle of ``E_i`` (see :class:`CameraRpe`), degrees per frame. Source: as there."""

    unit = "deg per frame"

    def __call__(self, scored: Scored) -> Float[Tensor, ""]:
        pred, true = _paths(scored)
        return torch.rad2deg(geodesic(_steps(pred)[0], _steps(true)[0])).square().mean().sqrt()


def _paths(scored: Scored) -> tuple[CameraTrajectory, CameraTrajectory]:
    """Both cameras, of at least two frames; raises NotScorable if the prediction is not finite."""
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
