"""Input of metrics: points of prediction and truth, and alignment of one with the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ...data.geometry import align, transform, world_to_camera
from ...errors import DiffOptError
from ...interfaces import Scored
from ...types import CameraTrajectory, HumanMotion

Points = Literal["joints", "vertices"]
MM = 1000.0
#: Frame rate that the published code of jitter, acceleration and foot sliding assumes.
REFERENCE_FPS = 30.0


class NotScorable(DiffOptError):
    """The metric has no value for this pair of motions; the message gives the reason."""


@dataclass(frozen=True)
class ScoredMotion(Scored):
    """Scored, with further inputs of camera-frame and rotation metrics; None if a side does not have them.

    ``good``: frames to score; None after :func:`.evaluate.good_frames` has dropped the others.
    """

    pred_motion: HumanMotion | None = None
    true_motion: HumanMotion | None = None
    pred_camera: CameraTrajectory | None = None
    true_camera: CameraTrajectory | None = None
    good: Bool[Tensor, "T"] | None = None


Pair = tuple[Float[Tensor, "T N 3"], Float[Tensor, "T N 3"]]


def pair(scored: Scored, points: Points = "joints") -> Pair:
    """Predicted and true points in double precision, or NotScorable."""
    if points == "joints":
        return checked(scored.pred, "the prediction"), checked(scored.true, "the truth", like=scored.pred)
    if scored.pred_vertices is None or scored.true_vertices is None:
        side = "the prediction" if scored.pred_vertices is None else "the truth"
        raise NotScorable(f"{side} has no vertices (needs a mesh body and a true motion of the same body)")
    return (
        checked(scored.pred_vertices, "the prediction"),
        checked(scored.true_vertices, "the truth", like=scored.pred_vertices),
    )


def camera_pair(scored: Scored, points: Points = "joints") -> Pair:
    """As :func:`pair`, each side seen by its own camera (OpenCV axes, m)."""
    pred, true = pair(scored, points)
    pred_camera, true_camera = cameras(scored)
    return _seen_by(pred_camera, pred), _seen_by(true_camera, true)


def camera_rotations(scored: Scored) -> tuple[Float[Tensor, "T 3 3"], Float[Tensor, "T 3 3"]]:
    """World to camera, predicted and true."""
    pred, true = cameras(scored)
    return pred.R.double(), true.R.double()


def cameras(scored: Scored) -> tuple[CameraTrajectory, CameraTrajectory]:
    """Predicted and true camera, or NotScorable."""
    if not isinstance(scored, ScoredMotion) or scored.pred_camera is None or scored.true_camera is None:
        raise NotScorable("needs the predicted and the true camera")
    return scored.pred_camera, scored.true_camera


def _seen_by(camera: CameraTrajectory, points: Tensor) -> Tensor:
    return world_to_camera(points, camera.R.double(), camera.t.double())


def checked(points: Tensor, side: str, like: Tensor | None = None) -> Float[Tensor, "T N 3"]:
    """Double precision; NotScorable if empty, of another shape than ``like``, or not finite."""
    if like is not None and points.shape != like.shape:
        raise NotScorable(f"{side} has shape {tuple(points.shape)}, the prediction {tuple(like.shape)}")
    if points.ndim != 3 or points.shape[-1] != 3 or not points.numel():
        raise NotScorable(f"{side} has shape {tuple(points.shape)}, expected frames, points, 3")
    finite = points.isfinite().all(-1).all(-1)
    if not finite.all():
        frame = int((~finite).nonzero()[0])
        raise NotScorable(f"{side} is not finite in {int((~finite).sum())} frames, the first is {frame}")
    return points.double()


def at_least(points: Tensor, frames: int) -> None:
    if len(points) < frames:
        raise NotScorable(f"needs {frames} frames, has {len(points)}")


def index_of(scored: Scored, *names: str) -> list[int]:
    """Indices of joints by name; NotScorable names the missing ones."""
    missing = [name for name in names if name not in scored.names]
    if missing:
        raise NotScorable(f"the scored joints lack {', '.join(missing)}")
    return [scored.names.index(name) for name in names]


def mid_hip(scored: Scored, joints: Float[Tensor, "T J 3"]) -> Float[Tensor, "T 1 3"]:
    """Mean of both hips, which EMDB and WHAM call pelvis (it is not joint 0)."""
    return joints[:, index_of(scored, "left_hip", "right_hip")].mean(-2, keepdim=True)


def root(scored: Scored, joints: Float[Tensor, "T J 3"]) -> Float[Tensor, "T 3"]:
    """Joint 0 of SMPL where the layout has it, else the mid-hip."""
    if "pelvis" in scored.names:
        return joints[:, scored.names.index("pelvis")]
    return mid_hip(scored, joints).squeeze(-2)


def distance_mm(pred: Float[Tensor, "T N 3"], true: Float[Tensor, "T N 3"]) -> Float[Tensor, "T"]:
    """Mean Euclidean distance of the points of each frame, mm."""
    return (pred - true).norm(dim=-1).mean(-1) * MM


#: Below this ratio of singular values the rotation is not determined.
_UNIQUE = 1e-9


def fitted(
    source: Float[Tensor, "*b N 3"], target: Float[Tensor, "*b N 3"], scale: bool
) -> tuple[Float[Tensor, "*b 3 3"], Float[Tensor, "*b 3"], Float[Tensor, "*b"]]:
    """Umeyama ``R, t, s`` from source to target, never a reflection; raises NotScorable if R is not unique.

    With D = diag(1, 1, det), the optimum is unique if and only if ``sigma_2 + det sigma_3 > 0`` for the singular
    values of the cross-covariance (Umeyama 1991, lemma): not so for points on a line or all in one place.
    """
    cross = (target - target.mean(-2, keepdim=True)).mT @ (source - source.mean(-2, keepdim=True))
    sigma = torch.linalg.svdvals(cross)
    gap = sigma[..., 1] + torch.linalg.det(cross).sign() * sigma[..., 2]
    bad = ~(gap > _UNIQUE * sigma[..., 0])
    if bad.any():
        where = f" in frame {int(bad.nonzero()[0])}" if bad.ndim else ""
        raise NotScorable(f"the points coincide or lie on a line{where}: their alignment is not unique")
    return align(source, target, scale)


def aligned(source: Float[Tensor, "*b N 3"], target: Float[Tensor, "*b N 3"], scale: bool) -> Float[Tensor, "*b N 3"]:
    """Source aligned with target, fitted on all points."""
    return transform(source, *fitted(source, target, scale))


def aligned_by(
    fit_source: Float[Tensor, "F M 3"], fit_target: Float[Tensor, "F M 3"], points: Float[Tensor, "T N 3"], scale: bool
) -> Float[Tensor, "T N 3"]:
    """Points transformed by one alignment, fitted on all frames and points of ``fit_*`` together."""
    return transform(points, *fitted(fit_source.reshape(-1, 3), fit_target.reshape(-1, 3), scale))
