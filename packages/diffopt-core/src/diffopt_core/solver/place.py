"""Second step: put the camera-frame estimate into one world (metres, Y up, floor at y = 0).

The paper leaves the first translation to "a simple heuristic that keeps the human in the frustum" (sec. 3.3.1).
Here it is the translation at which the estimated body, projected by the estimated camera, best covers the keypoints.
A SLAM world is the first camera's frame, so its vertical has to be estimated too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from ..data.ragged import faint
from ..data.skeleton import FEET
from ..data.window import Batch
from ..host.recipe import PlaceSpec
from ..interfaces import Body
from ..types import CameraTrajectory, HumanMotion
from .stance import path_scale
from .translation import fit_translation, local_line
from .vertical import Vertical, find_up, levelling


@dataclass(frozen=True)
class Placed:
    """Motion and camera in the world, ``B T``, and what its vertical was from."""

    motion: HumanMotion
    camera: CameraTrajectory
    vertical: Vertical | None = None  # None: the camera's world is level


def camera_frame_motion(batch: Batch) -> HumanMotion:
    """The initializer's estimate as a motion in each frame's camera."""
    pose = torch.cat([batch.global_orient.unsqueeze(2), batch.body_pose], dim=2)
    return HumanMotion(pose, batch.transl, batch.betas, batch.betas_of)


@torch.no_grad()
def place(batch: Batch, body: Body, spec: PlaceSpec) -> Placed:
    """Lift the motion into the world, make the world level, put the floor at y = 0; a world that is held stays."""
    motion = camera_frame_motion(batch)
    if spec.depth == "keypoints":
        motion = replace(motion, trans=fit_translation(motion, batch, body, spec.depth_smooth))
    camera = with_unit(motion, batch, body, spec)
    motion = lift(motion, camera)
    if spec.path_smooth:
        trust = batch.observations.valid.to(motion.trans) + faint(batch.own)
        motion = replace(motion, trans=local_line(motion.trans, trust, spec.path_smooth * batch.fps))
    vertical = None
    if spec.up != "given" and not (spec.up == "auto" and camera.level):
        joints = body.joints(motion)
        vertical = find_up(joints, camera, spec, batch.evidence, batch.own)
        motion, camera = turn(motion, camera, levelling(vertical.up))
    if spec.floor == "feet" and not camera.held:
        height = body.joints(motion)[:, :, FEET, 1].amin(-1)
        height = height if batch.own is None else height.where(batch.own, torch.nan)
        drop = torch.nanquantile(height, 0.1, dim=1)
        offset = torch.stack([torch.zeros_like(drop), drop, torch.zeros_like(drop)], -1)
        motion, camera = move(motion, camera, -offset)
    return Placed(motion, camera, vertical)


def with_unit(motion: HumanMotion, batch: Batch, body: Body, spec: PlaceSpec) -> CameraTrajectory:
    """The camera with its path in approximate metres, if its own unit is arbitrary."""
    camera = batch.camera
    known = camera.unit == "metre" or (spec.scale == "auto" and camera.unit == "guess")
    if spec.scale == "given" or known:
        return camera
    trust = batch.observations.valid.to(camera.t)
    scale = path_scale(motion, camera, body, trust, batch.fps, spec, batch.evidence, batch.own)
    return replace(camera, t=camera.t * scale[:, None, None], unit="guess")


def lift(motion: HumanMotion, camera: CameraTrajectory) -> HumanMotion:
    """From the camera frame to the camera's world: ``x_world = R^T (x_cam - t)``."""
    back = camera.R.mT
    root = back @ motion.pose[:, :, 0]
    trans = (back @ (motion.trans - camera.t).unsqueeze(-1)).squeeze(-1)
    return replace(motion, pose=torch.cat([root.unsqueeze(2), motion.pose[:, :, 1:]], 2), trans=trans)


def turn(
    motion: HumanMotion, camera: CameraTrajectory, Q: Float[Tensor, "B 3 3"]
) -> tuple[HumanMotion, CameraTrajectory]:
    """Rotate the world: ``x' = Q x``, for motion and camera."""
    Q = Q.unsqueeze(1)
    root = Q @ motion.pose[:, :, 0]
    pose = torch.cat([root.unsqueeze(2), motion.pose[:, :, 1:]], 2)
    return replace(motion, pose=pose, trans=(Q @ motion.trans.unsqueeze(-1)).squeeze(-1)), replace(
        camera, R=camera.R @ Q.mT
    )


def move(
    motion: HumanMotion, camera: CameraTrajectory, offset: Float[Tensor, "B 3"]
) -> tuple[HumanMotion, CameraTrajectory]:
    """Translate the world: ``x' = x + offset``, for motion and camera."""
    offset = offset.unsqueeze(1)
    t = camera.t - (camera.R @ offset.unsqueeze(-1)).squeeze(-1)
    return replace(motion, trans=motion.trans + offset), replace(camera, t=t)
