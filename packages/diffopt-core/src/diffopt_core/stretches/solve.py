"""Clips that are too long for one solve: overlapping stretches, one after the other, and one motion out of them.

The paper trims its clips. Here the whole clip is placed once, so that it has one vertical, one floor and one first
scale; stretches of ``input.most`` frames are solved in that world, each in the memory of one; and neighbours fade into
one another over ``input.overlap`` frames. Where the recipe corrects the scale, the stretch in which the person gets
furthest says by how much, for all.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from ..batch import Report, Solver, judged, scored, solve_batch
from ..evaluate import batched
from ..geometry import world_to_camera
from ..problem import Layout, body_alone, lay_out
from ..recipe import PlaceSpec, ScaleSpec
from ..representations.parts import Parts
from ..types import CameraFrameBody, CameraTrajectory, Result, Status, Unit
from ..window import Evidence, cut, pick, stack
from .join import facts, joined_camera, joined_motion, joined_spread, mean_log

log = logging.getLogger(__name__)
#: Stretches stand in the clip's world already.
_PLACED = PlaceSpec(up="given", depth="given", depth_smooth=0.0, path_smooth=0.0, scale="given", floor="none")


@dataclass
class _Counted:
    """One bar a stage for all stretches together."""

    report: Report
    count: int
    number: int = 0

    def __call__(self, stage: str, done: int, total: int, losses: dict[str, float]) -> None:
        self.report(stage, self.number * total + done, self.count * total, losses)


def solve_long(item: Evidence, solver: Solver) -> Result:
    """Solve a clip of any length; memory grows with the stretch and not with the clip."""
    recipe, ctx = solver.recipe, solver.ctx
    laid = lay_out(stack([item], ctx.device), [solver.seed_of(item)], recipe, ctx)
    path = pick(laid.start.motion, 0).trans
    parts = Parts(len(path), recipe.input.most, min(recipe.input.overlap, recipe.input.most // 2), path)
    counted = _Counted(solver.report, parts.count)
    log.warning("%s: %d frames, solved as %d overlapping stretches", item.clip.name, len(path), parts.count)
    held = replace(solver, recipe=recipe.model_copy(update={"place": _PLACED}), report=counted)
    placed, found = _placed(item, laid), dict[int, Result]()
    order, factor = list(range(parts.count)), 1.0
    if recipe.scale.mode != "none":
        first = furthest(path, parts)
        found[first] = _solve(placed, parts, first, held)
        factor = float(torch.tensor(found[first].provenance["scale"]).prod())
        found[first] = _about_first_camera(found[first], placed.camera, parts, first, factor)
        placed = replace(placed, camera=_stretched(placed.camera, factor))
        order.remove(first)
        counted.number += 1
    fixed = replace(held, recipe=held.recipe.model_copy(update={"scale": ScaleSpec()}))
    for number in order:
        found[number] = _solve(placed, parts, number, fixed)
        counted.number += 1
    stretches = [found[k] for k in range(parts.count)]
    body = body_alone(laid.ctx, 0, recipe)
    motion, camera = joined_motion(stretches, parts), joined_camera(stretches, parts)
    initial, initial_camera = pick(laid.start.motion, 0), pick(laid.start.camera, 0)
    with torch.no_grad():
        result = Result(
            clip=item.clip,
            motion=motion,
            camera=camera,
            joints=body.joints(batched(motion))[0],
            initial=initial,
            initial_camera=initial_camera,
            initial_joints=body.joints(batched(initial))[0],
            status=Status.DIVERGED if any(each.status == Status.DIVERGED for each in stretches) else Status.FINISHED,
            recipe=recipe.dump(),
            log=mean_log(stretches),
            provenance=facts(stretches, parts, factor),
            body_model=body.name,
            spread=joined_spread(stretches, parts),
        )
    result = judged(result)
    return result if item.clip.truth is None else scored(result, body, recipe, laid.ctx)


def furthest(path: Float[Tensor, "T 3"], parts: Parts) -> int:
    """The stretch in which the person covers the longest way over ground."""
    pieces = parts.split(path[None])[..., [0, 2]]
    return int(pieces.diff(dim=1).norm(dim=-1).sum(1).argmax())


def _placed(item: Evidence, laid: Layout) -> Evidence:
    """The evidence as the placed world has it: level, the person seen from its cameras."""
    motion, camera = pick(laid.start.motion, 0), pick(laid.start.camera, 0)
    body = CameraFrameBody(
        global_orient=camera.R @ motion.pose[:, 0],
        body_pose=motion.pose[:, 1:],
        transl=world_to_camera(motion.trans.unsqueeze(-2), camera.R, camera.t).squeeze(-2),
        betas=motion.betas,
        betas_of=motion.betas_of,
        poses_from=item.body.poses_from,
        facts=item.body.facts,
        evidence=item.body.evidence,
    )
    unit: Unit = "metre" if item.camera.metric else "guess"
    camera = replace(
        camera, unit=unit, level=True, travel=item.camera.travel, filled=item.camera.filled,
        trusted=item.camera.trusted, facts=item.camera.facts,
    )  # fmt: skip
    clip = replace(item.clip, truth=None, camera=camera, body=body)
    return Evidence(clip, item.observations, camera, body)


def _solve(placed: Evidence, parts: Parts, number: int, solver: Solver) -> Result:
    start = int(parts.index[number, 0])
    whole = replace(placed.clip, camera=placed.camera)
    clip = cut(whole, start, start + parts.length, None)
    assert clip.observations is not None and clip.camera is not None and clip.body is not None
    return solve_batch([Evidence(clip, clip.observations, clip.camera, clip.body)], solver)[0]


def _stretched(camera: CameraTrajectory, factor: float) -> CameraTrajectory:
    """The path stretched about the clip's first camera."""
    moved = (factor - 1.0) * (camera.position - camera.position[:1])
    return replace(camera, t=camera.t - (camera.R @ moved.unsqueeze(-1)).squeeze(-1))


def _about_first_camera(result: Result, camera: CameraTrajectory, parts: Parts, number: int, factor: float) -> Result:
    """A stretch that was stretched about its own first camera, moved to where the clip's first one would have it."""
    own = camera.position[int(parts.index[number, 0])]
    shift = (factor - 1.0) * (own - camera.position[0])
    moved = result.camera.t - (result.camera.R @ shift.unsqueeze(-1)).squeeze(-1)
    return replace(
        result,
        motion=replace(result.motion, trans=result.motion.trans + shift),
        camera=replace(result.camera, t=moved),
        joints=result.joints + shift,
    )
