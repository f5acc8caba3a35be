"""Small scenes with known answers for the tests of this folder."""

from __future__ import annotations

from dataclasses import replace

import torch
from diffopt_core.data.geometry import project, world_to_camera
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.data.skeleton import PARENTS
from diffopt_core.data.window import Batch
from diffopt_core.host.testing.problem import make_problem
from diffopt_core.interfaces import Body
from diffopt_core.parts.bodies.stick_body import StickBody
from diffopt_core.parts.executors import Eager
from diffopt_core.solver.place import Placed
from diffopt_core.solver.problem import Problem
from diffopt_core.solver.variables import CameraResidual, Variables
from diffopt_core.types import CameraTrajectory, Clip, HumanMotion, Observations

OFFSETS = torch.tensor(
    [
        [0.0, 0.0, 0.0], [0.07, -0.08, 0.0], [-0.07, -0.08, 0.0], [0.0, 0.11, -0.02], [0.03, -0.38, 0.0],
        [-0.03, -0.38, 0.0], [0.0, 0.13, 0.0], [0.0, -0.40, -0.03], [0.0, -0.40, -0.03], [0.0, 0.06, 0.02],
        [0.02, -0.06, 0.12], [-0.02, -0.06, 0.12], [0.0, 0.21, -0.03], [0.08, 0.11, -0.02], [-0.08, 0.11, -0.02],
        [0.0, 0.07, 0.05], [0.1, 0.03, 0.0], [-0.1, 0.03, 0.0], [0.26, 0.0, 0.0], [-0.26, 0.0, 0.0],
        [0.25, 0.0, 0.0], [-0.25, 0.0, 0.0], [0.08, 0.0, 0.0], [-0.08, 0.0, 0.0],
    ]
)  # fmt: skip


def rest() -> torch.Tensor:
    """T-pose joints of a body of about 1.7 m, relative to the pelvis."""
    joints = torch.zeros(24, 3)
    for j in range(1, 24):
        joints[j] = joints[PARENTS[j]] + OFFSETS[j]
    return joints


def true_scene(
    clips: int = 2, frames: int = 24, seed: int = 0, travel: float = 1.5
) -> tuple[HumanMotion, CameraTrajectory, StickBody]:
    """People who stand upright and glide along x, feet at y = 0, seen by level cameras that follow from z = 4 m."""
    g = torch.Generator().manual_seed(seed)
    pose = axis_angle_to_matrix(0.1 * torch.randn(clips, 1, 24, 3, generator=g).expand(-1, frames, -1, -1))
    pose[:, :, 0] = axis_angle_to_matrix(torch.tensor([0.0, 0.3, 0.0]))
    body = StickBody(rest().expand(clips, 24, 3))
    path = torch.linspace(0, travel, frames)
    trans = torch.stack([path, torch.zeros(frames), 0.2 * torch.sin(path)], -1).expand(clips, -1, -1).clone()
    motion = HumanMotion(pose, trans, torch.zeros(clips, 10), "stick")
    low = body.joints(motion)[..., [7, 8, 10, 11], 1].amin((1, 2))
    trans[..., 1] -= low.unsqueeze(1)
    turn = axis_angle_to_matrix(torch.stack([torch.zeros(frames), 0.3 * path, torch.zeros(frames)], -1))
    flip = torch.diag(torch.tensor([1.0, -1.0, -1.0]))  # world axes to a camera that looks along -z, y down
    R = (flip @ turn).expand(clips, -1, -1, -1).clone()
    centre = torch.stack([path, 1.4 + 0 * path, 4.0 + 0.1 * path], -1).expand(clips, -1, -1)
    t = -(R @ centre.unsqueeze(-1)).squeeze(-1)
    focal = torch.full((clips, frames, 2), 1000.0)
    return motion, CameraTrajectory(R, t, focal, focal / 2, "metre"), body


def seen(motion: HumanMotion, camera: CameraTrajectory, body: Body, R0: torch.Tensor | None = None) -> Batch:
    """What perfect perception would give of a scene, in a world turned by ``R0`` (``B 3 3``)."""
    clips, frames = motion.trans.shape[:2]
    points = world_to_camera(body.keypoints(motion, "coco17"), camera.R, camera.t)
    pixels = project(points, camera.focal, camera.centre)
    keypoints = torch.cat([pixels, torch.ones_like(pixels[..., :1])], -1)
    root = camera.R @ motion.pose[:, :, 0]
    trans = world_to_camera(motion.trans.unsqueeze(2), camera.R, camera.t).squeeze(2)
    if R0 is not None:
        camera = CameraTrajectory(camera.R @ R0.mT.unsqueeze(1), camera.t, camera.focal, camera.centre, "metre")
    valid = torch.ones(clips, frames, dtype=torch.bool)
    return Batch(
        clips=tuple(Clip(f"clip{i}", None, 30.0, (1000, 1000), frames) for i in range(clips)),
        fps=30.0,
        observations=Observations(keypoints, "coco17", valid),
        camera=camera,
        global_orient=root,
        body_pose=motion.pose[:, :, 1:],
        transl=trans,
        betas=motion.betas,
        betas_of="stick",
        rest_joints=rest().expand(clips, 24, 3),
    )


class Held:
    """A representation that keeps its motion, and in ``shifted`` what it was told to move by."""

    def __init__(self, motion: HumanMotion):
        self._motion = motion
        self.shifted: list[torch.Tensor] = []

    def motion(self) -> HumanMotion:
        return self._motion

    def variables(self) -> dict[str, list[torch.Tensor]]:
        return {}

    def shift(self, delta: torch.Tensor) -> None:
        self.shifted.append(delta)


def held(batch: Batch, body: Body, camera: CameraResidual, initial: HumanMotion, motion: HumanMotion) -> Problem:
    """A problem that stands at ``motion``, which began at ``initial``."""
    ctx = replace(
        make_problem(*initial.trans.shape[:2]),
        fps=batch.fps, initial=initial, camera=camera.base, observations=batch.observations, body=body,
        evidence=batch.evidence,
    )  # fmt: skip
    start = Placed(initial, camera.base)
    return Problem(batch, ctx, body, Held(motion), camera, Eager(), {}, Variables(), ctx.noise, start)
