"""The scale of the camera's path in closed form, from the distilled motion (beyond the paper)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from .problem import Problem
from .recipe import ScaleSpec
from .rescale_stance import first_path, seen_motion, stance_factor


@torch.no_grad()
def rescale(problem: Problem, spec: ScaleSpec) -> Float[Tensor, "B"]:
    """Correct the scale of each clip's camera path, by ``spec.mode``; returns the factors.

    Camera and initial motion are rewritten in place, and the representation moves along; a path in metres keeps its
    scale. With ``spec.refit`` the initial path becomes that of the present articulation, placed by its keypoints.
    """
    ctx = problem.ctx
    wanted = spec.refit or (spec.mode == "stance" and not ctx.camera.metric)
    seen = seen_motion(problem) if wanted else None
    if ctx.camera.metric:  # its scale is known; only the first path may be found anew
        scale = torch.ones_like(ctx.camera.t[:, 0, 0])
        moved = along = torch.zeros_like(ctx.camera.t)
    elif spec.mode == "distilled":
        scale = _distilled(problem, spec)
        moved = along = problem.camera.rescale(scale)
    else:
        assert seen is not None
        scale = stance_factor(problem, seen, spec)
        path = ctx.camera.position - ctx.camera.position[:, :1]
        # The motion has followed what the residual made of the path so far.
        held = problem.camera.residual()["scale"].mean(1, keepdim=True)
        along = (scale[:, None, None] - held) * path
        moved = problem.camera.rescale(scale)
    ctx.initial.trans.add_(moved)
    if seen is not None and spec.refit:
        ctx.initial.trans.copy_(first_path(problem, seen))
    problem.representation.shift(along)
    return scale


def _distilled(problem: Problem, spec: ScaleSpec) -> Float[Tensor, "B"]:
    """The factor that the distilled motion asks for.

    The prior moves the person at a speed that suits the articulation. With ``x`` the distilled path, ``x_init`` the
    first one and ``C`` the camera's, the person seen from the camera, ``x_init - C``, is metric, so over a gap of
    ``spec.gap`` seconds, horizontally, ``dx = d(x_init - C) + s dC``; ``s`` by robust least squares.
    """
    ctx = problem.ctx
    gap = max(1, min(round(spec.gap * ctx.fps), ctx.initial.trans.shape[1] - 1))

    def horizontal(path: Tensor) -> Tensor:
        return (path[:, gap:] - path[:, :-gap])[..., [0, 2]]

    camera = horizontal(ctx.camera.position)
    wanted = horizontal(problem.representation.motion().trans) - horizontal(ctx.initial.trans) + camera
    valid = ctx.observations.valid
    weight = (valid[:, gap:] & valid[:, :-gap]).to(camera)
    return _robust_slope(camera, wanted, weight)


def _robust_slope(
    x: Float[Tensor, "B N 2"], y: Float[Tensor, "B N 2"], weight: Float[Tensor, "B N"], rounds: int = 10
) -> Float[Tensor, "B"]:
    """Slope of ``y = s x`` by reweighted least squares (Geman-McClure at twice the median error), kept positive.

    A path that hardly moves says nothing: a pull to 1, worth a camera that moves 2 cm a displacement, keeps its scale.
    """
    pull = weight.sum(1) * 0.02**2
    robust = weight
    scale = torch.ones_like(pull)
    for _ in range(rounds):
        scale = ((robust * (x * y).sum(-1)).sum(1) + pull) / ((robust * x.square().sum(-1)).sum(1) + pull)
        error = (y - scale[:, None, None] * x).norm(dim=-1)
        sigma = 2 * error.median(1, keepdim=True).values.clamp_min(1e-3)
        robust = weight * (sigma**2 / (sigma**2 + error.square())) ** 2
    return scale.clamp(0.1, 10.0)
