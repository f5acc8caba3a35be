"""Errors of joints and vertices under different alignments of prediction and truth."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ...data.geometry import forward_kinematics, transform
from ...data.rotation import geodesic, yaw_to_matrix
from ...data.skeleton import NUM_JOINTS, PARENTS
from ...interfaces import Scored
from ...types import HumanMotion
from .evidence import (
    NotScorable,
    Points,
    ScoredMotion,
    aligned,
    aligned_by,
    camera_pair,
    camera_rotations,
    distance_mm,
    fitted,
    index_of,
    mid_hip,
    pair,
    root,
)


@dataclass(frozen=True)
class RigidClip:
    """``mean_j |R p_tj + t - g_tj|`` in mm, a value per frame.

    Alignment: one rotation and translation, no scale, least squares over all frames of the clip and all points of
    kind ``fit``; ``score`` says which points are measured. ``rigid_clip`` fits and scores joints.
    ``rigid_clip_mesh`` and ``rigid_clip_by_mesh`` fit on vertices. Source: NeMo (Wang et al., CVPR 2023,
    ``eval_3d_global``) prints the latter two as its global vertex and joint errors.
    """

    fit: Points = "joints"
    score: Points = "joints"
    unit = "mm"

    def __call__(self, scored: Scored) -> Float[Tensor, "T"]:
        pred, true = pair(scored, self.score)
        return distance_mm(aligned_by(*pair(scored, self.fit), pred, scale=False), true)


class FirstFrame:
    """``mean_j |R p_tj + t - g_tj|`` in mm, a value per frame.

    Alignment: rotation and translation, no scale, fitted on the joints of the first frame only. It reveals a reversed
    or rotated trajectory, which a fit over the whole clip hides. Source: one reading of the paper's global error.
    """

    unit = "mm"

    def __call__(self, scored: Scored) -> Float[Tensor, "T"]:
        pred, true = pair(scored)
        return distance_mm(aligned_by(pred[:1], true[:1], pred, scale=False), true)


FRAMES = 250
_UPRIGHT = 1e-3  # share of the hip and shoulder width that must be horizontal


class Heading250:
    """``mean_j |a(p)_tj - a(g)_tj|`` in mm, a value per frame. Both worlds must have Y up.

    ``a`` puts a trajectory into its own heading frame: horizontal root position at the origin, heading along +Z,
    height kept. No fit of one motion to the other. It is renewed every 250 frames, at the last frame of the segment
    before. Source: GLAMR (Yuan et al., CVPR 2022), ``global_recon/utils/evaluator.py``, which takes the heading from
    the root rotation and scores 14 joints; here it is the horizontal direction across hips and shoulders (as in
    HumanML3D), because that exists for every layout, and all joints are scored.
    """

    unit = "mm"

    def __call__(self, scored: Scored) -> Float[Tensor, "T"]:
        pred, true = pair(scored)
        segments = []
        for start in range(0, len(pred), FRAMES):
            anchor = max(start - 1, 0)
            part = slice(start, start + FRAMES)
            segments.append(
                distance_mm(_in_heading(scored, pred, anchor, part), _in_heading(scored, true, anchor, part))
            )
        return torch.cat(segments)


def _in_heading(scored: Scored, joints: Tensor, anchor: int, part: slice) -> Tensor:
    left = joints[anchor, index_of(scored, "left_hip", "left_shoulder")].mean(0)
    right = joints[anchor, index_of(scored, "right_hip", "right_shoulder")].mean(0)
    across = left - right
    forward = torch.stack([-across[2], across[0]])  # x and z of across cross up
    if not forward.norm() > _UPRIGHT * across.norm():
        raise NotScorable(f"the body has no heading in frame {anchor}: hips and shoulders coincide or lie upright")
    turn = yaw_to_matrix(-torch.atan2(forward[0], forward[1]))
    origin = root(scored, joints)[anchor] * joints.new_tensor([1.0, 0.0, 1.0])
    return (joints[part] - origin) @ turn.mT


@dataclass(frozen=True)
class MpjpeRigid:
    """``mean_j |(p'_tj - h(p')_t) - (g_tj - h(g)_t)|`` in mm, a value per frame.

    ``p'`` is the prediction after the rigid fit of ``rigid_clip`` (joints, whole clip, no scale), ``h`` the mean of
    both hips of the frame. So an orientation error counts; a constant heading or position error of the clip does not.
    ``mpvpe`` measures vertices under the joints' alignment and hips. Source: the MPJPE of this project's case files.
    """

    score: Points = "joints"
    unit = "mm"

    def __call__(self, scored: Scored) -> Float[Tensor, "T"]:
        joints, true_joints = pair(scored)
        points, true_points = pair(scored, self.score)
        moved = aligned_by(joints, true_joints, points, scale=False)
        hips = mid_hip(scored, aligned_by(joints, true_joints, joints, scale=False))
        return distance_mm(moved - hips, true_points - mid_hip(scored, true_joints))


class PaMpjpe:
    """``mean_j |s_t R_t p_tj + t_t - g_tj|`` in mm, a value per frame.

    Alignment: a similarity (scale included, no reflection) fitted on the joints of every frame. Source: the
    Procrustes error that SPIN, EMDB, SLAHMR and WHAM share.
    """

    unit = "mm"

    def __call__(self, scored: Scored) -> Float[Tensor, "T"]:
        pred, true = pair(scored)
        return distance_mm(aligned(pred, true, scale=True), true)


#: The joints that depend only on the root rotation.
_TRUNK = ("pelvis", "left_hip", "right_hip", "spine1")


class NemoLocal:
    """``mean_j |R_t (p_tj - p_t0) - (g_tj - g_t0)|`` in mm, a value per frame.

    The root's position and orientation are taken out of every frame, and nothing else: NeMo scores the body model
    without root rotation and translation. ``R_t`` turns the predicted pelvis, hips and lowest spine joint onto the
    true ones; these four move with the root alone, so for bodies of one shape that is the same thing exactly, and
    for bodies of two shapes the difference of shape counts (NeMo uses the mean shape for both). Needs SMPL joints.
    Source: NeMo (Wang et al., CVPR 2023), ``eval_3d``, which scores the first 15 OpenPose joints; here all joints.
    """

    unit = "mm"

    def __call__(self, scored: Scored) -> Float[Tensor, "T"]:
        trunk = index_of(scored, *_TRUNK)
        pred, true = (joints - joints[:, trunk[:1]] for joints in pair(scored))
        R, t, _ = fitted(pred[:, trunk], true[:, trunk], scale=False)
        return distance_mm(transform(pred, R, 0 * t), true)


@dataclass(frozen=True)
class CameraPelvis:
    """``mean_j |(p_tj - h(p)_t) - (g_tj - h(g)_t)|`` in mm, a value per frame.

    ``p`` is in the predicted camera's frame and ``g`` in the true one's; ``h`` is the mean of both hips. No rotation
    is removed, so the orientation relative to the camera counts. ``score = "vertices"`` is EMDB's MVE. Source: EMDB
    (Kaufmann et al., ICCV 2023), ``evaluation_metrics.py``; WHAM and GVHMR do the same.
    """

    score: Points = "joints"
    unit = "mm"

    def __call__(self, scored: Scored) -> Float[Tensor, "T"]:
        pred_hips, true_hips = (mid_hip(scored, joints) for joints in camera_pair(scored))
        pred, true = camera_pair(scored, self.score)
        return distance_mm(pred - pred_hips, true - true_hips)


#: Root, hips, knees, shoulders and elbows.
JOINTS = (0, 1, 2, 4, 5, 16, 17, 18, 19)


def orientations(motion: HumanMotion) -> Float[Tensor, "T 24 3 3"]:
    """Global rotation of every joint (rest pose to world): the product along its kinematic chain."""
    pose = motion.pose.double()
    return forward_kinematics(pose, pose.new_zeros(NUM_JOINTS, 3), PARENTS)[0]


@dataclass(frozen=True)
class EmdbMpjae:
    """Mean angle between predicted and true orientations of nine joints in the camera frame, deg, a value per frame.

    Orientations are global (rest pose to camera). Alignment: none, or with ``procrustes`` the rotation of each
    frame's Procrustes fit of the joints. Source: EMDB (Kaufmann et al., ICCV 2023), ``evaluation_metrics.py``.
    """

    procrustes: bool = False
    unit = "deg"

    def __call__(self, scored: Scored) -> Float[Tensor, "T"]:
        if not isinstance(scored, ScoredMotion) or scored.pred_motion is None or scored.true_motion is None:
            raise NotScorable("needs the rotations of both the prediction and the truth")
        pred_camera, true_camera = camera_rotations(scored)
        pred = pred_camera[:, None] @ orientations(scored.pred_motion)
        true = true_camera[:, None] @ orientations(scored.true_motion)
        if not (pred.isfinite().all() and true.isfinite().all()):
            raise NotScorable("some rotations are not finite")
        if self.procrustes:
            R, _, _ = fitted(*camera_pair(scored), scale=True)
            pred = R[:, None] @ pred
        return torch.rad2deg(geodesic(pred[:, list(JOINTS)], true[:, list(JOINTS)])).mean(-1)
