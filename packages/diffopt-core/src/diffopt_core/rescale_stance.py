"""The scale of the camera's path from feet that stand, in the articulation as it is now (beyond the paper)."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from .camera_unit import stance_scale
from .geometry import camera_to_world, world_to_camera
from .place import fit_translation
from .problem import Problem
from .recipe import ScaleSpec
from .types import HumanMotion


def seen_motion(problem: Problem) -> HumanMotion:
    """The present articulation in each frame's camera, at the place where it covers the keypoints best.

    Free of the world's path, and so of the scale that is sought.
    """
    motion, camera = problem.representation.motion(), problem.camera.camera()
    root = camera.R @ motion.pose[:, :, 0]
    trans = world_to_camera(motion.trans.unsqueeze(-2), camera.R, camera.t).squeeze(-2)
    seen = replace(motion, pose=torch.cat([root.unsqueeze(2), motion.pose[:, :, 1:]], 2), trans=trans)
    batch = replace(problem.batch, camera=camera)
    return replace(seen, trans=fit_translation(seen, batch, problem.body, smooth=0.2))


def stance_factor(problem: Problem, seen: HumanMotion, spec: ScaleSpec) -> Float[Tensor, "B"]:
    """By how much the given path is to be stretched, so that standing feet move least (:mod:`.camera_unit`)."""
    camera = problem.ctx.camera
    trust = problem.ctx.observations.valid.to(camera.t)
    joints = problem.body.joints(seen)
    return stance_scale(
        joints,
        camera.R,
        camera.position,
        trust,
        problem.ctx.fps,
        pelvis_noise=spec.stance_noise,
        power=spec.stance_power,
        gap=spec.gap,
    )


def first_path(problem: Problem, seen: HumanMotion) -> Float[Tensor, "B T 3"]:
    """World positions of the pelvis as the given camera sees them (m)."""
    camera = problem.ctx.camera
    return camera_to_world(seen.trans.unsqueeze(-2), camera.R, camera.t).squeeze(-2)
