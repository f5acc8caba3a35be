"""Synthetic problems for contract tests, with a body of 24 joints and no surface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from math import pi
from typing import Any

import torch
from torch import Tensor

from ...data.geometry import forward_kinematics, heading, project, world_to_camera
from ...data.noise import StreamNoise
from ...data.rotation import axis_angle_to_matrix, interleaved_to_matrix, matrix_to_interleaved
from ...data.skeleton import JOINT, LAYOUTS, PARENTS
from ...interfaces import Host, ProblemContext
from ...types import CameraTrajectory, HumanMotion, MotionEvidence, Observations, Scene, map_tensors
from ..registry import Registry

#: T-pose of the stick body relative to the pelvis, m: x left, y up, z forward.
_REST = (
    (0.00, 0.00, 0.00), (0.09, -0.09, 0.00), (-0.09, -0.09, 0.00), (0.00, 0.11, -0.02), (0.10, -0.47, 0.00),
    (-0.10, -0.47, 0.00), (0.00, 0.25, 0.00), (0.09, -0.87, -0.03), (-0.09, -0.87, -0.03), (0.00, 0.30, 0.02),
    (0.11, -0.93, 0.09), (-0.11, -0.93, 0.09), (0.00, 0.52, -0.02), (0.08, 0.42, -0.01), (-0.08, 0.42, -0.01),
    (0.00, 0.60, 0.03), (0.18, 0.45, -0.02), (-0.18, 0.45, -0.02), (0.44, 0.44, -0.03), (-0.44, 0.44, -0.03),
    (0.70, 0.44, -0.03), (-0.70, 0.44, -0.03), (0.78, 0.44, -0.03), (-0.78, 0.44, -0.03),
)  # fmt: skip

#: Nearest joint of keypoints that are not joints.
_NEAREST = {
    "hip": "hip", "knee": "knee", "ankle": "ankle", "toe": "foot", "foot": "foot", "heel": "ankle",
    "shoulder": "shoulder", "elbow": "elbow", "wrist": "wrist", "pinky": "hand", "index": "hand", "thumb": "hand",
}  # fmt: skip


class StickBody:
    """Implements :class:`diffopt_core.interfaces.Body` without a mesh; ``betas[0]`` is its size, 5 % per unit."""

    name = "stick"

    def rest_joints(self, betas: Tensor) -> Tensor:
        return _rest(betas.device, betas.dtype) * (1.0 + 0.05 * betas[..., :1, None])

    def joints(self, motion: HumanMotion) -> Tensor:
        _, where = forward_kinematics(motion.pose, self.rest_joints(motion.betas).unsqueeze(-3), PARENTS)
        return where + motion.trans.unsqueeze(-2)

    def keypoints(self, motion: HumanMotion, layout: str) -> Tensor:
        joints = self.joints(motion).unbind(-2)
        return torch.stack([joints[_joint_of(name)] for name in LAYOUTS[layout]], -2)


@lru_cache
def _rest(device: torch.device, dtype: torch.dtype) -> Tensor:
    return torch.tensor(_REST, device=device, dtype=dtype)


@lru_cache
def _joint_of(keypoint: str) -> int:
    if keypoint in JOINT:
        return JOINT[keypoint]
    if keypoint == "mid_hip":
        return JOINT["pelvis"]
    side, _, rest = keypoint.partition("_")
    first, last = rest.split("_")[0], rest.split("_")[-1]
    part = _NEAREST.get(first) or _NEAREST.get(last)
    return JOINT[f"{side}_{part}"] if part else JOINT["head"]


def make_problem(
    clips: int = 2,
    frames: int = 12,
    *,
    seed: int = 0,
    fps: float = 30.0,
    layout: str = "smpl24",
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    host: Host | None = None,
) -> ProblemContext:
    """A problem of ``clips`` x ``frames``; clip ``k`` depends only on ``seed + k``.

    In every clip some frames are not valid and some keypoints are absent. ``host``: registry for building other
    components; without one, building them fails.
    """
    body = StickBody()
    single = [_clip(seed + k, frames, fps, layout) for k in range(clips)]
    device = torch.device(device)

    def side_by_side(*values: Tensor) -> Tensor:
        out = torch.stack(values).to(device)
        return out.to(dtype) if out.is_floating_point() else out

    initial, camera, observations = (_stack([clip[k] for clip in single], side_by_side) for k in range(3))
    return ProblemContext(
        device=device,
        seed=seed,
        host=host or Registry(),
        fps=fps,
        initial=initial,
        camera=camera,
        observations=observations,
        rest_joints=body.rest_joints(initial.betas),
        noise=_Noise([seed + k for k in range(clips)], device, dtype),
        body=body,
        evidence=_evidence(initial, camera, fps),
    )


def _evidence(initial: HumanMotion, camera: CameraTrajectory, fps: float) -> MotionEvidence:
    """Evidence of an initializer that knows the motion; its variance is smallest in the first frames."""
    up = torch.tensor([0.0, 1.0, 0.0]).to(initial.trans).expand_as(initial.trans)
    step = initial.trans.diff(dim=1, append=initial.trans[:, -1:]) * fps
    velocity = (heading(initial.pose[:, :, 0, :, 0], up) @ step.unsqueeze(-1)).squeeze(-1)
    doubt = torch.linspace(0.01, 0.1, up.shape[1]).to(up).expand(up.shape[:2])
    return MotionEvidence(
        up=camera.R[..., 1],
        up_var=doubt,
        velocity=velocity,
        velocity_var=doubt.unsqueeze(-1).expand_as(velocity),
        contact=initial.pose[:, :, :4, 0, 0].abs(),
        pose_var=doubt.unsqueeze(-1).expand(*up.shape[:2], len(JOINT)),
        depth_var=doubt,
    )


def clip_alone(ctx: ProblemContext, index: int) -> ProblemContext:
    """The problem of one clip of :func:`make_problem` (leading dimension 1), with its noise reset."""
    noise = ctx.noise
    assert isinstance(noise, _Noise)
    alone = map_tensors(ctx, lambda tensor: tensor[index : index + 1].clone())
    return replace(alone, noise=_Noise([noise.seeds[index]], ctx.device, noise.dtype))


def ended(ctx: ProblemContext, frames: int) -> ProblemContext:
    """The problem as if every clip ended after so many frames; those beyond hold something, which nobody sees."""
    seen = ctx.observations
    keypoints, valid = seen.keypoints.clone(), seen.valid.clone()
    keypoints[:, frames:, :, 2] = 0
    valid[:, frames:] = False
    observations = replace(seen, keypoints=keypoints, valid=valid)
    return replace(ctx, observations=observations, lengths=(frames,) * len(valid))


def shortened(value: Any, frames: int) -> Any:
    """The first frames of a problem, a scene, a motion, a camera or a tensor with leading ``B T``."""
    if isinstance(value, ProblemContext):
        names = ("initial", "camera", "observations", "evidence")
        return replace(value, lengths=None, **{name: shortened(getattr(value, name), frames) for name in names})
    if isinstance(value, Scene):
        parts = ("motion", "camera", "residual", "joints", "keypoints", "pixels", "depth")
        return replace(value, **{name: shortened(getattr(value, name), frames) for name in parts})
    if isinstance(value, HumanMotion):
        return replace(value, pose=value.pose[:, :frames], trans=value.trans[:, :frames])
    if isinstance(value, dict):
        return {name: part[:, :frames] for name, part in value.items()}
    return map_tensors(value, lambda tensor: tensor[:, :frames])


def disturbed(ctx: ProblemContext, size: float = 0.1) -> HumanMotion:
    """A motion near the initial one (radians and metres), for differentiation; independent for each clip."""
    trans = ctx.initial.trans
    wave = torch.linspace(0.0, 2 * pi, trans.shape[1], dtype=trans.dtype, device=trans.device)[None, :, None]
    phase = trans[:, :1, :] * 7.0
    six = matrix_to_interleaved(ctx.initial.pose)
    six = six + size * (wave[..., None] * 2 + six * 5 + phase.sum(-1)[..., None, None]).sin()
    moved = trans + size * (wave + phase).cos()
    return replace(ctx.initial, pose=interleaved_to_matrix(six), trans=moved)


def residual_of(ctx: ProblemContext, size: float = 0.0) -> dict[str, Tensor]:
    """Camera residual as terms receive it (b_R, s_t, b_t, s_f; ``B T n``): zero, or smooth of a given size."""
    clips, frames = ctx.initial.trans.shape[:2]
    wave = torch.linspace(0.0, pi, frames, dtype=ctx.camera.t.dtype, device=ctx.device)[None, :, None]
    wave = size * (wave + ctx.initial.trans[:, :1, :1]).sin().expand(clips, -1, -1)
    return {
        "rotation": wave * wave.new_tensor([1.0, -0.5, 0.3, 0.2, 0.1, -0.4]),
        "scale": 1.0 + 0.5 * wave,
        "translation": wave * wave.new_tensor([0.4, 0.2, -0.6]),
        "focal": 1.0 - 0.3 * wave,
    }


def make_scene(
    ctx: ProblemContext,
    motion: HumanMotion | None = None,
    residual: Mapping[str, Tensor] | None = None,
    needs: frozenset[str] | None = None,
    scene: type[Scene] = Scene,
) -> Scene:
    """The scene of a motion under the context's camera with ``residual`` applied; only the fields ``needs`` (default:
    all)."""
    needs = frozenset({"joints", "keypoints", "pixels", "depth"}) if needs is None else needs
    motion = ctx.initial if motion is None else motion
    residual = residual_of(ctx) if residual is None else dict(residual)
    six = matrix_to_interleaved(ctx.camera.R) + residual["rotation"].unflatten(-1, (2, 3)).mT.flatten(-2)
    camera = replace(
        ctx.camera,
        R=interleaved_to_matrix(six),
        t=ctx.camera.t * residual["scale"] + residual["translation"],
        focal=ctx.camera.focal * residual["focal"],
    )
    assert ctx.body is not None
    points = ctx.body.keypoints(motion, ctx.observations.layout)
    in_camera = world_to_camera(points, camera.R, camera.t)
    computed = {
        "joints": ctx.body.joints(motion),
        "keypoints": points,
        "pixels": project(in_camera, camera.focal, camera.centre),
        "depth": in_camera[..., 2],
    }
    progress = torch.full((), 0.5, device=ctx.device)
    return scene(motion, camera, progress, residual, **{name: computed[name] for name in needs})


class _Noise(StreamNoise):
    """Streams that store their seeds, so that :func:`clip_alone` can recreate one."""

    def __init__(self, seeds: list[int], device: torch.device, dtype: torch.dtype):
        super().__init__(seeds, device, dtype)
        self.seeds, self.dtype = tuple(seeds), dtype


def _stack(items: list[Any], side_by_side: Any) -> Any:
    """Stack dataclasses of tensors; other fields are those of the first."""
    first = items[0]
    tensors = {k: [getattr(item, k) for item in items] for k, v in vars(first).items() if isinstance(v, Tensor)}
    return replace(first, **{k: side_by_side(*v) for k, v in tensors.items()})


@lru_cache(maxsize=64)
def _clip(seed: int, frames: int, fps: float, layout: str) -> tuple[HumanMotion, CameraTrajectory, Observations]:
    """A walk with a random heading, seen from about 5 m by a camera that pans and moves (float64).

    Cached between tests; :func:`make_problem` copies what it takes.
    """
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    time = torch.arange(frames, dtype=torch.float64) / fps
    swing = 0.5 * torch.sin(2 * pi * time + normal(1))
    heading = 0.5 * normal(1) + 0.2 * time
    vectors = 0.05 * normal(24, 3).expand(frames, 24, 3).clone()
    for name, gain in (("left_hip", 1), ("right_hip", -1), ("left_shoulder", -1), ("right_shoulder", 1)):
        vectors[:, JOINT[name], 0] += gain * swing
    for name, gain in (("left_knee", 1), ("right_knee", -1)):
        vectors[:, JOINT[name], 0] += 0.4 + gain * 0.4 * swing
    for name, gain in (("left_shoulder", -1), ("right_shoulder", 1)):
        vectors[:, JOINT[name], 2] += gain * 1.2
    vectors[:, 0, 1] += heading
    speed = 1.2 + 0.2 * normal(1)
    path = torch.stack([speed * torch.sin(heading), 0 * time, speed * torch.cos(heading)], dim=-1).cumsum(0) / fps
    trans = path + torch.tensor([0.0, 0.95, 0.0]) + 0.1 * normal(1, 3)
    motion = HumanMotion(axis_angle_to_matrix(vectors), trans, 0.5 * normal(10))

    # OpenCV axes of a camera that looks along -Z of the world: half a turn about X.
    turn = torch.stack([0.02 * time + 0.02 * normal(1), 0.1 * time + 0.05 * normal(1), 0 * time], dim=-1)
    R = axis_angle_to_matrix(turn) @ torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64))
    centre_of_camera = torch.tensor([0.0, 1.2, 5.0]) + time[:, None] * torch.tensor([0.3, 0.0, 0.2])
    t = -(R @ centre_of_camera.unsqueeze(-1)).squeeze(-1)
    focal, centre = torch.full((frames, 2), 900.0).double(), torch.tensor([640.0, 360.0]).double().expand(frames, 2)
    camera = CameraTrajectory(R, t, focal, centre, "metre")

    batched = replace(motion, pose=motion.pose[None], trans=motion.trans[None], betas=motion.betas[None])
    pixels = project(world_to_camera(StickBody().keypoints(batched, layout)[0], R, t), focal, centre)
    confidence = torch.rand(*pixels.shape[:2], 1, generator=draw, dtype=torch.float64)
    keypoints = torch.cat([pixels + 5.0 * normal(*pixels.shape), confidence.where(confidence > 0.2, 0.0)], dim=-1)
    valid = torch.ones(frames, dtype=torch.bool)
    valid[frames // 2] = False
    return motion, camera, Observations(keypoints, layout, valid)
