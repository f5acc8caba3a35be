"""Clips that are too long for one solve: overlapping chunks are solved one after another and blended into one motion.

The paper trims its clips. Here the whole clip is placed once, so it has one vertical, one floor and one initial scale.
Chunks of ``input.most`` frames are solved in that world, so that memory does not grow with the clip, and neighbours are
blended over ``input.overlap`` frames. If the recipe corrects the scale, the chunk in which the person travels furthest
determines the factor for all.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ..data.geometry import world_to_camera
from ..data.rotation import columns_to_matrix, matrix_to_columns
from ..data.window import Evidence, cut, pick, stack
from ..host.recipe import PlaceSpec, ScaleSpec
from ..parts.metrics.evaluate import batched
from ..parts.representations.motion_field import Parts
from ..types import CameraFrameBody, CameraTrajectory, HumanMotion, Result, Spread, Status, Unit
from .batch import Report, Solver, judged, scored, solve_batch, told_vertical
from .problem import Layout, body_alone, lay_out

log = logging.getLogger(__name__)
#: Provenance keys that hold for one chunk and not for the whole clip.
_OF_ONE = ("doubt", "weights")


def _join(parts: Parts, rows: list[Tensor]) -> Tensor:
    return parts.join(torch.stack(rows).flatten(2))[0]


def joined_motion(chunks: list[Result], parts: Parts) -> HumanMotion:
    pose = _join(parts, [matrix_to_columns(each.motion.pose) for each in chunks]).unflatten(-1, (24, 6))
    trans = _join(parts, [each.motion.trans for each in chunks])
    return replace(chunks[0].motion, pose=columns_to_matrix(pose), trans=trans)


def joined_camera(chunks: list[Result], parts: Parts) -> CameraTrajectory:
    cameras = [each.camera for each in chunks]
    R = columns_to_matrix(_join(parts, [matrix_to_columns(each.R) for each in cameras]))
    position = _join(parts, [each.position for each in cameras])
    return replace(
        cameras[0],
        R=R,
        t=-(R @ position.unsqueeze(-1)).squeeze(-1),
        focal=_join(parts, [each.focal for each in cameras]),
        centre=_join(parts, [each.centre for each in cameras]),
    )


def joined_spread(chunks: list[Result], parts: Parts) -> Spread | None:
    """The bands of the chunks, each after its own alignment; None if a chunk has none."""
    bands = [each.spread for each in chunks if each.spread is not None]
    if len(bands) < len(chunks):
        return None
    root = _join(parts, [band.root.unsqueeze(-1) for band in bands]).squeeze(-1)
    return Spread(min(band.draws for band in bands), root, _join(parts, [band.joints for band in bands]))


def mean_log(chunks: list[Result]) -> dict[str, dict[str, list[float]]]:
    """Term values by step, mean over the chunks."""
    mean: dict[str, dict[str, list[float]]] = {}
    for stage in chunks[0].log:
        every = [each.log.get(stage, {}) for each in chunks]  # a diverged chunk may lack stages or steps
        for name in every[0]:
            rows = [terms.get(name, []) for terms in every]
            if len({len(row) for row in rows}) == 1:
                mean.setdefault(stage, {})[name] = torch.tensor(rows).mean(0).tolist()
    return mean


def facts(chunks: list[Result], parts: Parts, factor: float) -> dict[str, Any]:
    """Provenance of the whole clip: total seconds, and the distance between neighbouring chunks in their overlap."""
    told = {key: value for key, value in chunks[0].provenance.items() if key not in _OF_ONE}
    seconds = [each.provenance["seconds"] for each in chunks]
    told["seconds"] = {name: sum(each.get(name, 0.0) for each in seconds) for name in seconds[0]}
    told["scale"] = [factor]
    starts = parts.index[:, 0].tolist()
    apart = []
    for k in range(1, len(chunks)):
        shared = starts[k - 1] + parts.length - starts[k]
        gap = chunks[k].joints[:shared] - chunks[k - 1].joints[parts.length - shared :]
        apart.append(round(1e3 * float(gap.norm(dim=-1).mean()), 1))
    told["chunks"] = {"frames": parts.length, "starts": starts, "apart_mm": apart}
    return told


#: Placement settings of a chunk, which is in the placed world already.
_PLACED = PlaceSpec(up="given", depth="given", depth_smooth=0.0, path_smooth=0.0, scale="given", floor="none")


@dataclass
class _Counted:
    """Reports progress of a stage over all chunks together."""

    report: Report
    count: int
    number: int = 0

    def __call__(self, stage: str, done: int, total: int, losses: dict[str, float]) -> None:
        self.report(stage, self.number * total + done, self.count * total, losses)


def solve_long(item: Evidence, solver: Solver) -> Result:
    """Solve a clip of any length; memory depends on the length of a chunk, not of the clip."""
    recipe, ctx = solver.recipe, solver.ctx
    laid = lay_out(stack([item], ctx.device), [solver.seed_of(item)], recipe, ctx)
    path = pick(laid.start.motion, 0).trans
    parts = Parts(len(path), recipe.input.most, min(recipe.input.overlap, recipe.input.most // 2), path)
    counted = _Counted(solver.report, parts.count)
    log.warning("%s: %d frames, solved as %d overlapping chunks", item.clip.name, len(path), parts.count)
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
    chunks = [found[k] for k in range(parts.count)]
    body = body_alone(laid.ctx, 0, recipe)
    motion, camera = joined_motion(chunks, parts), joined_camera(chunks, parts)
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
            status=Status.DIVERGED if any(each.status == Status.DIVERGED for each in chunks) else Status.FINISHED,
            recipe=recipe.dump(),
            log=mean_log(chunks),
            provenance=facts(chunks, parts, factor),
            body_model=body.name,
            spread=joined_spread(chunks, parts),
        )
    result = judged(told_vertical(result, laid.start.vertical, 0))
    return result if item.clip.truth is None or not solver.scores else scored(result, body, recipe, laid.ctx)


def furthest(path: Float[Tensor, "T 3"], parts: Parts) -> int:
    """Index of the chunk with the longest horizontal path of the person."""
    pieces = parts.split(path[None])[..., [0, 2]]
    return int(pieces.diff(dim=1).norm(dim=-1).sum(1).argmax())


def _placed(item: Evidence, laid: Layout) -> Evidence:
    """The evidence in the placed world: level cameras, and the person in their frames."""
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
    """The camera path scaled about the clip's first camera."""
    moved = (factor - 1.0) * (camera.position - camera.position[:1])
    return replace(camera, t=camera.t - (camera.R @ moved.unsqueeze(-1)).squeeze(-1))


def _about_first_camera(result: Result, camera: CameraTrajectory, parts: Parts, number: int, factor: float) -> Result:
    """A chunk that was scaled about its own first camera, shifted as if scaled about the clip's first one."""
    own = camera.position[int(parts.index[number, 0])]
    shift = (factor - 1.0) * (own - camera.position[0])
    moved = result.camera.t - (result.camera.R @ shift.unsqueeze(-1)).squeeze(-1)
    return replace(
        result,
        motion=replace(result.motion, trans=result.motion.trans + shift),
        camera=replace(result.camera, t=moved),
        joints=result.joints + shift,
    )
