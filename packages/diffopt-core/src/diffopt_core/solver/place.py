"""Second step: put the camera-frame estimate into one world (metres, Y up, floor at y = 0).

The paper leaves the first translation to "a simple heuristic that keeps the human in the frustum" (sec. 3.3.1).
Here it is the translation at which the estimated body, seen by the estimated camera, best covers the keypoints.
A SLAM world is the first camera's frame: its vertical has to be found too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from ..data.geometry import project
from ..data.skeleton import FEET, JOINT
from ..data.window import Batch
from ..host.recipe import PlaceSpec
from ..interfaces import Body
from ..types import CameraTrajectory, HumanMotion, MotionEvidence
from .stance import stance_scale, with_told_speed

#: Clips of more frames are smoothed by convolution: a matrix of frames by frames would fill the memory.
_DENSE = 2048


@dataclass(frozen=True)
class Placed:
    """Motion and camera in the world, ``B T``."""

    motion: HumanMotion
    camera: CameraTrajectory


def camera_frame_motion(batch: Batch) -> HumanMotion:
    """The initializer's estimate as a motion in each frame's camera."""
    pose = torch.cat([batch.global_orient.unsqueeze(2), batch.body_pose], dim=2)
    return HumanMotion(pose, batch.transl, batch.betas, batch.betas_of)


@torch.no_grad()
def place(batch: Batch, body: Body, spec: PlaceSpec) -> Placed:
    """Lift, level, and set on the floor."""
    motion = camera_frame_motion(batch)
    if spec.depth == "keypoints":
        motion = replace(motion, trans=fit_translation(motion, batch, body, spec.depth_smooth))
    camera = with_unit(motion, batch, body, spec)
    motion = lift(motion, camera)
    if spec.path_smooth:
        trust = batch.observations.valid.to(motion.trans) + 1e-6
        motion = replace(motion, trans=local_line(motion.trans, trust, spec.path_smooth * batch.fps))
    if spec.up != "given" and not (spec.up == "auto" and camera.level):
        joints = body.joints(motion)
        motion, camera = turn(motion, camera, levelling(find_up(joints, camera, spec, batch.evidence)))
    if spec.floor == "feet":
        height = body.joints(motion)[:, :, FEET, 1].amin(-1)
        drop = torch.quantile(height, 0.1, dim=1)
        offset = torch.stack([torch.zeros_like(drop), drop, torch.zeros_like(drop)], -1)
        motion, camera = move(motion, camera, -offset)
    return Placed(motion, camera)


def with_unit(motion: HumanMotion, batch: Batch, body: Body, spec: PlaceSpec) -> CameraTrajectory:
    """The camera with its path in metres, roughly, where its own unit means nothing."""
    camera = batch.camera
    known = camera.unit == "metre" or (spec.scale == "auto" and camera.unit == "guess")
    if spec.scale == "given" or known:
        return camera
    joints, trust = body.joints(motion), batch.observations.valid.to(camera.t)
    scale = stance_scale(
        joints, camera.R, camera.position, trust, batch.fps, pelvis_noise=spec.stance_noise, power=spec.stance_power
    )
    if batch.evidence is not None:
        seen = replace(motion, trans=local_line(motion.trans, trust + 1e-6, 0.25 * batch.fps))
        up, _ = told_up(batch.evidence, camera)
        scale = with_told_speed(scale, batch.evidence, seen, camera, up, trust, batch.fps)
    return replace(camera, t=camera.t * scale[:, None, None], unit="guess")


def fit_translation(
    motion: HumanMotion, batch: Batch, body: Body, smooth: float, rounds: int = 8
) -> Float[Tensor, "B T 3"]:
    """Pelvis positions (camera frame, m) at which the body covers the keypoints best.

    Linear least squares on ``f (X + x) = (u - c)(Z + z)``, reweighted by Geman-McClure of the pixel error. Depth
    is smoothed along the viewing ray (``smooth``, s): the body's size is constant, its noise is not. Frames with
    fewer than four confident keypoints take what the smoothing brings from their neighbours.
    """
    origin = replace(motion, trans=torch.zeros_like(motion.trans))
    points = body.keypoints(origin, batch.observations.layout)
    seen, confidence = batch.observations.keypoints[..., :2], batch.observations.keypoints[..., 2]
    focal, centre = batch.camera.focal, batch.camera.centre
    ray = (seen - centre.unsqueeze(-2)) / focal.unsqueeze(-2)
    extent = _extent(seen, confidence)
    weight = confidence
    for _ in range(rounds):
        trans = _solve_translation(points, ray, weight, motion.trans)
        error = project(points + trans.unsqueeze(-2), focal, centre) - seen
        sigma = 0.03 * extent
        depth = (points[..., 2] + trans[..., 2:]).clamp_min(0.3)
        robust = (sigma**2 / (sigma**2 + error.square().sum(-1))) ** 2
        weight = confidence * robust * (trans[..., 2:] / depth)
    trust = weight.sum(-1)
    return _smooth_along_ray(trans, torch.where(trust > 1.0, trust, 1e-6), smooth * batch.fps)


def _extent(seen: Tensor, confidence: Tensor) -> Tensor:
    """Longer side of the box round the keypoints that were seen, px, ``B T 1``."""
    absent = (confidence <= 0).unsqueeze(-1)
    box = seen.masked_fill(absent, -torch.inf).amax(-2) - seen.masked_fill(absent, torch.inf).amin(-2)
    return box.amax(-1, keepdim=True).clamp_min(1.0)


def _solve_translation(points: Tensor, ray: Tensor, weight: Tensor, guess: Tensor) -> Tensor:
    """Weighted normal equations, 3 x 3 a frame; a weak pull to ``guess`` keeps empty frames solvable."""
    ones, zeros = torch.ones_like(ray[..., 0]), torch.zeros_like(ray[..., 0])
    rows = torch.stack([torch.stack([ones, zeros, -ray[..., 0]], -1), torch.stack([zeros, ones, -ray[..., 1]], -1)], -2)
    right = ray * points[..., 2:] - points[..., :2]
    squared = weight.square()[..., None, None]
    normal = (rows.mT @ (rows * squared)).sum(-3)
    moment = (rows.mT @ (right.unsqueeze(-1) * squared)).sum(-3).squeeze(-1)
    pull = 1e-4
    return torch.linalg.solve(normal + pull * torch.eye(3).to(normal), moment + pull * guess)


def _smooth_along_ray(trans: Tensor, trust: Tensor, sigma: float) -> Tensor:
    """Smoothing over time of the log depth, weighted by trust; x and y follow their ray."""
    log_depth = trans[..., 2:].clamp_min(0.3).log()
    return trans * (local_line(log_depth, trust, sigma) - log_depth).exp()


def local_line(values: Float[Tensor, "B T D"], trust: Float[Tensor, "B T"], sigma: float) -> Float[Tensor, "B T D"]:
    """Value at each frame of the line that fits its neighbours best (Gaussian of ``sigma`` frames, times trust).

    A line and not a mean: a person who walks away must not be pulled back at the ends of the clip.
    """
    if sigma <= 0:
        return values
    if values.shape[1] > _DENSE:
        s0, s1, s2, b0, b1 = _moments(values, trust, sigma)
        return _line(s0, s1, s2, b0, b1, sigma)
    frames = torch.arange(values.shape[1], device=values.device, dtype=values.dtype)
    offset = frames[None] - frames[:, None]
    weight = torch.exp(-0.5 * (offset / sigma).square()) * trust.unsqueeze(1)
    s0, s1, s2 = weight.sum(-1), (weight * offset).sum(-1), (weight * offset.square()).sum(-1)
    return _line(s0, s1, s2, weight @ values, (weight * offset) @ values, sigma)


def _line(s0: Tensor, s1: Tensor, s2: Tensor, b0: Tensor, b1: Tensor, sigma: float) -> Float[Tensor, "B T D"]:
    s2 = s2 + 1e-3 * s0 * sigma**2
    return (s2.unsqueeze(-1) * b0 - s1.unsqueeze(-1) * b1) / (s0 * s2 - s1.square()).unsqueeze(-1)


def _moments(values: Float[Tensor, "B T D"], trust: Float[Tensor, "B T"], sigma: float) -> tuple[Tensor, ...]:
    """What :func:`local_line` sums, by convolution with a window of five sigmas: memory that is linear in ``T``."""
    reach = min(int(5 * sigma) + 1, values.shape[1] - 1)
    offset = torch.arange(-reach, reach + 1, device=values.device, dtype=values.dtype)
    bell = torch.exp(-0.5 * (offset / sigma).square())
    kernels = torch.stack([bell, bell * offset, bell * offset.square()]).unsqueeze(1)

    def sums(rows: Float[Tensor, "B T"]) -> Float[Tensor, "B 3 T"]:
        return torch.nn.functional.conv1d(rows.unsqueeze(1), kernels, padding=reach)

    s = sums(trust)
    each = torch.stack([sums(trust * column) for column in values.unbind(-1)], -1)
    return s[:, 0], s[:, 1], s[:, 2], each[:, 0], each[:, 1]


def lift(motion: HumanMotion, camera: CameraTrajectory) -> HumanMotion:
    """Camera frame to the camera's own world: ``x_world = R^T (x_cam - t)``."""
    back = camera.R.mT
    root = back @ motion.pose[:, :, 0]
    trans = (back @ (motion.trans - camera.t).unsqueeze(-1)).squeeze(-1)
    return replace(motion, pose=torch.cat([root.unsqueeze(2), motion.pose[:, :, 1:]], 2), trans=trans)


def find_up(
    joints: Float[Tensor, "B T 24 3"],
    camera: CameraTrajectory,
    spec: PlaceSpec,
    evidence: MotionEvidence | None = None,
) -> Float[Tensor, "B 3"]:
    """Vertical in the camera's world.

    Least squares of two cues: the mean trunk points up (to ``trunk_sigma``), and a hand-held camera's x axis is
    level (to ``roll_sigma``). One x axis fixes roll alone; a camera that turns fixes the rest of it as well. With
    ``travel_sigma`` there is a third: the pelvis stays at one height, to so many metres. A runner's trunk leans.
    An initializer that tells the vertical takes the place of the first two: it has seen both.
    """
    trunk = joints[:, :, JOINT["neck"]] - joints[:, :, JOINT["pelvis"]]
    mean = torch.nn.functional.normalize(torch.nn.functional.normalize(trunk, dim=-1).mean(1), dim=-1)
    if spec.up == "trunk":
        return mean
    across = camera.R[:, :, 0]
    level = (across.unsqueeze(-1) * across.unsqueeze(-2)).mean(1) / spec.roll_sigma**2
    spread: Tensor | float = spec.trunk_sigma**2
    if evidence is not None:
        mean, spread = told_up(evidence, camera)
        level = torch.zeros_like(level)
    if spec.travel_sigma is not None:
        path = joints[:, :, JOINT["pelvis"]]
        away = path - path.mean(1, keepdim=True)
        level = level + (away.unsqueeze(-1) * away.unsqueeze(-2)).mean(1) / spec.travel_sigma**2
    identity = torch.eye(3).to(level) / spread
    up = torch.linalg.solve(level + identity, mean.unsqueeze(-1) / spread).squeeze(-1)
    return torch.nn.functional.normalize(up, dim=-1)


def told_up(evidence: MotionEvidence, camera: CameraTrajectory) -> tuple[Float[Tensor, "B 3"], Float[Tensor, "B 1 1"]]:
    """The vertical that an initializer tells, in the camera's world, and its variance, rad^2.

    That of one frame: what one frame gets wrong the next one does too.
    """
    weight = 1 / evidence.up_var
    up = (weight.unsqueeze(-1) * (camera.R.mT @ evidence.up.unsqueeze(-1)).squeeze(-1)).sum(1)
    return torch.nn.functional.normalize(up, dim=-1), 1 / weight.mean(1)[:, None, None]


def levelling(up: Float[Tensor, "B 3"]) -> Float[Tensor, "B 3 3"]:
    """A rotation that brings the unit vector ``up`` to +Y: the shortest, after a half turn about x where ``up``
    points down (as in every SLAM world whose y axis is the first camera's)."""
    flip = torch.tensor([1.0, -1.0, -1.0]).to(up)
    down = (up[:, 1:2] < 0).expand_as(up)
    upward = torch.where(down, up * flip, up)
    x, y, z = upward.unbind(-1)
    share = 1 / (1 + y)
    rows = [1 - x * x * share, -x, -x * z * share, x, y, z, -x * z * share, -z, 1 - z * z * share]
    shortest = torch.stack(rows, -1).unflatten(-1, (3, 3))
    return torch.where(down.unsqueeze(-1).mT, shortest * flip, shortest)


def turn(
    motion: HumanMotion, camera: CameraTrajectory, Q: Float[Tensor, "B 3 3"]
) -> tuple[HumanMotion, CameraTrajectory]:
    """Turn the world: ``x' = Q x``, for motion and camera alike."""
    Q = Q.unsqueeze(1)
    root = Q @ motion.pose[:, :, 0]
    pose = torch.cat([root.unsqueeze(2), motion.pose[:, :, 1:]], 2)
    return replace(motion, pose=pose, trans=(Q @ motion.trans.unsqueeze(-1)).squeeze(-1)), replace(
        camera, R=camera.R @ Q.mT
    )


def move(
    motion: HumanMotion, camera: CameraTrajectory, offset: Float[Tensor, "B 3"]
) -> tuple[HumanMotion, CameraTrajectory]:
    """Shift the world: ``x' = x + offset``, for motion and camera alike."""
    offset = offset.unsqueeze(1)
    t = camera.t - (camera.R @ offset.unsqueeze(-1)).squeeze(-1)
    return replace(motion, trans=motion.trans + offset), replace(camera, t=t)
