"""The scale of the camera's path in closed form, from feet in contact or from the distilled motion (beyond the
paper)."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..data.geometry import camera_to_world, world_to_camera
from ..data.ragged import own_mean
from ..host.recipe import ScaleSpec
from ..types import HumanMotion
from .problem import Problem
from .stance import path_scale
from .translation import fit_translation


def seen_motion(problem: Problem) -> HumanMotion:
    """The current articulation in each frame's camera, at the translation where it covers the keypoints best.

    It does not depend on the world path, hence not on the scale to be estimated.
    """
    motion, camera = problem.representation.motion(), problem.camera.camera()
    root = camera.R @ motion.pose[:, :, 0]
    trans = world_to_camera(motion.trans.unsqueeze(-2), camera.R, camera.t).squeeze(-2)
    seen = replace(motion, pose=torch.cat([root.unsqueeze(2), motion.pose[:, :, 1:]], 2), trans=trans)
    batch = replace(problem.batch, camera=camera)
    return replace(seen, trans=fit_translation(seen, batch, problem.body, smooth=0.2))


def first_path(problem: Problem, seen: HumanMotion) -> Float[Tensor, "B T 3"]:
    """World positions of the pelvis (m) according to the camera of the evidence."""
    camera = problem.ctx.camera
    return camera_to_world(seen.trans.unsqueeze(-2), camera.R, camera.t).squeeze(-2)


@torch.no_grad()
def rescale(problem: Problem, spec: ScaleSpec) -> Float[Tensor, "B"]:
    """Correct the scale of each clip's camera path by ``spec.mode``; returns the factors.

    Camera and initial motion are changed in place and the representation is shifted; a path in metres keeps its scale.
    With ``spec.refit`` the initial path is replaced by that of the current articulation, fitted to the keypoints.
    """
    ctx = problem.ctx
    wanted = spec.refit or (spec.mode == "stance" and not ctx.camera.metric)
    seen = seen_motion(problem) if wanted else None
    if ctx.camera.metric:  # its scale is known; only the initial path may be refitted
        scale = torch.ones_like(ctx.camera.t[:, 0, 0])
        moved = along = torch.zeros_like(ctx.camera.t)
    elif spec.mode == "distilled":
        scale = _distilled(problem, spec)
        moved = along = problem.camera.rescale(scale)
    else:
        assert seen is not None
        trust = ctx.observations.valid.to(ctx.camera.t)
        scale = path_scale(seen, ctx.camera, problem.body, trust, ctx.fps, spec, ctx.evidence, ctx.own)
        path = ctx.camera.position - ctx.camera.position[:, :1]
        # The motion has followed the camera path as the residual has scaled it so far.
        held = own_mean(problem.camera.residual()["scale"], ctx.own).unsqueeze(1)
        along = (scale[:, None, None] - held) * path
        moved = problem.camera.rescale(scale)
    ctx.initial.trans.add_(moved)
    if seen is not None and spec.refit:
        ctx.initial.trans.copy_(first_path(problem, seen))
    problem.representation.shift(along)
    return scale


def _distilled(problem: Problem, spec: ScaleSpec) -> Float[Tensor, "B"]:
    """The scale factor that agrees with the distilled motion.

    The prior moves the person at a speed that fits the articulation. Let ``x`` be the distilled path, ``x_init`` the
    initial one and ``C`` the camera's. The person relative to the camera, ``x_init - C``, is metric, so horizontal
    displacements over ``spec.gap`` seconds satisfy ``dx = d(x_init - C) + s dC``; ``s`` by robust least squares.
    """
    ctx = problem.ctx
    gap = max(1, min(round(spec.gap * ctx.fps), ctx.initial.trans.shape[1] - 1))

    def horizontal(path: Tensor) -> Tensor:
        return (path[:, gap:] - path[:, :-gap])[..., [0, 2]]

    camera = horizontal(ctx.camera.position)
    wanted = horizontal(problem.representation.motion().trans) - horizontal(ctx.initial.trans) + camera
    valid = ctx.observations.valid
    weight = (valid[:, gap:] & valid[:, :-gap]).to(camera)
    counted = None if ctx.own is None else ctx.own[:, gap:]
    return _robust_slope(camera, wanted, weight, counted)


def _robust_slope(
    x: Float[Tensor, "B N 2"],
    y: Float[Tensor, "B N 2"],
    weight: Float[Tensor, "B N"],
    own: Bool[Tensor, "B N"] | None = None,
) -> Float[Tensor, "B"]:
    """Slope of ``y = s x`` by reweighted least squares (Geman-McClure at twice the median error), kept positive.

    A path that hardly moves does not determine ``s``: a regulariser towards 1, as strong as displacements of 2 cm,
    keeps its scale.
    """
    pull = weight.sum(1) * 0.02**2
    robust = weight
    scale = torch.ones_like(pull)
    for _ in range(10):
        scale = ((robust * (x * y).sum(-1)).sum(1) + pull) / ((robust * x.square().sum(-1)).sum(1) + pull)
        error = (y - scale[:, None, None] * x).norm(dim=-1)
        known = error if own is None else error.where(own, torch.nan)
        sigma = 2 * known.nanmedian(1, keepdim=True).values.clamp_min(1e-3)
        robust = weight * (sigma**2 / (sigma**2 + error.square())) ** 2
    return scale.clamp(0.1, 10.0)
