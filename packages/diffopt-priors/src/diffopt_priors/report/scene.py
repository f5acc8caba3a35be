"""A problem whose only content is a motion: what any prior needs to be built and asked for its energy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from diffopt_core.geometry import project, world_to_camera
from diffopt_core.interfaces import ProblemContext
from diffopt_core.noise import StreamNoise
from diffopt_core.registry import Registry
from diffopt_core.types import CameraTrajectory, HumanMotion, Observations, Scene
from jaxtyping import Float
from torch import Tensor

_LAYOUT = "smpl24"
#: The camera stands this far from the body's first place (m), at this height, and looks along -Z.
_AWAY, _UP = 5.0, 1.2
_FOCAL, _CENTRE = 900.0, (640.0, 360.0)


def problem(
    pose: Float[Tensor, "B T 24 3 3"],
    trans: Float[Tensor, "B T 3"],
    rest: Float[Tensor, "24 3"],
    fps: float,
    seeds: Sequence[int],
    registry: Registry,
) -> ProblemContext:
    """Windows as given, on a stick body with bones ``rest``, before a camera that stands; on the motion's device.

    ``initial`` is the motion itself, so that a prior with variables starts where the motion is. Noise comes from
    ``seeds``, one a window: a window and its corrupted version see the same.
    """
    clips, frames = trans.shape[:2]
    device = trans.device
    R = torch.diag(trans.new_tensor([1.0, -1.0, -1.0])).expand(clips, frames, 3, 3)
    place = trans[:, :1] * trans.new_tensor([1.0, 0.0, 1.0]) + trans.new_tensor([0.0, _UP, _AWAY])
    t = -(R @ place.expand(-1, frames, -1).unsqueeze(-1)).squeeze(-1)
    camera = CameraTrajectory(
        R, t, trans.new_full((clips, frames, 2), _FOCAL), trans.new_tensor(_CENTRE).expand(clips, frames, 2),
        unit="metre", level=True,
    )  # fmt: skip

    ctx = ProblemContext(
        device=device,
        seed=seeds[0],
        host=registry,
        fps=fps,
        initial=HumanMotion(pose, trans, trans.new_zeros(clips, 10)),
        camera=camera,
        observations=Observations(
            trans.new_zeros(clips, frames, 24, 3), _LAYOUT, torch.ones(clips, frames, dtype=torch.bool, device=device)
        ),
        rest_joints=rest.to(device).expand(clips, 24, 3),
        noise=StreamNoise(seeds, device),
    )
    ctx = replace(ctx, body=ctx.build("body", "stick"))
    points, pixels, _ = _seen(ctx)
    seen = torch.cat([pixels, torch.ones_like(points[..., :1])], dim=-1)
    ctx = replace(ctx, observations=replace(ctx.observations, keypoints=seen))
    return ctx


def scene_of(ctx: ProblemContext, needs: frozenset[str]) -> Scene:
    """The scene of the context's motion; only what is needed is filled in."""
    points, pixels, depth = _seen(ctx)
    assert ctx.body is not None
    values = {"joints": ctx.body.joints(ctx.initial), "keypoints": points, "pixels": pixels, "depth": depth}
    shape = ctx.initial.trans.shape[:2]
    residual = {
        "rotation": torch.zeros(*shape, 6, device=ctx.device),
        "scale": torch.ones(*shape, 1, device=ctx.device),
        "translation": torch.zeros(*shape, 3, device=ctx.device),
        "focal": torch.ones(*shape, 1, device=ctx.device),
    }
    progress = torch.full((), 0.5, device=ctx.device)
    return Scene(ctx.initial, ctx.camera, progress, residual, **{k: v for k, v in values.items() if k in needs})


def _seen(ctx: ProblemContext) -> tuple[Tensor, Tensor, Tensor]:
    """Keypoints (world, m), their pixels and depths (m)."""
    assert ctx.body is not None
    points = ctx.body.keypoints(ctx.initial, _LAYOUT)
    in_camera = world_to_camera(points, ctx.camera.R, ctx.camera.t)
    return points, project(in_camera, ctx.camera.focal, ctx.camera.centre), in_camera[..., 2]
