"""Bind, solve and evaluate a batch of clips; returns their results. Writes no files."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..data.noise import StreamNoise
from ..data.skeleton import FEET
from ..data.window import Evidence, pick, stack
from ..host.provenance import peak_memory, perception_terms, provenance
from ..host.recipe import Recipe
from ..host.registry import Registry
from ..interfaces import Body, BuildContext, TellsWeight
from ..parts.metrics.evaluate import report, report_truth
from ..parts.metrics.quality import misfit
from ..types import Result, Spread, Status
from .ensemble import drawn, spread
from .place import Placed
from .problem import Problem, bind, body_alone, current, lay_out, problem_context
from .solve import Log, Outcome, solve
from .solve import Report as Report
from .vertical import VAGUE, Vertical
from .watch import Watch

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Solver:
    """Settings of a solve, independent of the clip. ``staged``: called with the name and log of each finished stage.
    ``watch``: shows the solve in progress."""

    recipe: Recipe
    registry: Registry
    ctx: BuildContext
    report: Report
    staged: Callable[[str, Log], None]
    watch: Watch | None = None
    scores: bool = True

    def seed_of(self, item: Evidence) -> int:
        """Seed of a clip: the same alone or in a batch."""
        return (self.ctx.seed * 2_654_435_761 + int((item.clip.sha256 or "0")[:8], 16)) % 2**31


def solve_batch(members: Sequence[Evidence], solver: Solver) -> list[Result]:
    """Solve clips that share a batch (``data/window.py``), each as many times as the recipe's ``draws.count``."""
    began = time.perf_counter()
    recipe, ctx = solver.recipe, solver.ctx
    draws, own = recipe.draws.count, [solver.seed_of(item) for item in members]
    every = [drawn(item, k, seed, recipe.draws) for item, seed in zip(members, own, strict=True) for k in range(draws)]
    seeds = [seed + k for seed in own for k in range(draws)]
    problem = bind(lay_out(stack(every, ctx.device), seeds, recipe, ctx), recipe)
    seconds = {"bind": time.perf_counter() - began}
    watcher = None if solver.watch is None else solver.watch.of(problem, recipe)
    outcome = solve(problem, recipe, solver.report, watcher)
    for name, log in outcome.logs.items():
        seconds[name] = log.seconds
        solver.staged(name, log)
    facts = provenance(solver.registry, recipe, ctx.device, ctx.seed, members)
    facts["licences"] |= perception_terms(solver.registry, members)
    facts |= {"seconds": seconds, "batch": [str(item.clip.path) for item in members], "memory": peak_memory(ctx.device)}
    told = weights_told(problem)
    final = Placed(*current(problem))
    with torch.no_grad():
        last, first = problem.body.joints(final.motion).cpu(), problem.body.joints(problem.start.motion).cpu()
    results = []
    for index in range(0, len(every), draws):
        one = _result(solver, problem, outcome, final, (last[index], first[index]), facts, index)
        one.provenance["weights"] = {
            name: pick(weight, index, one.clip.num_frames).tolist() for name, weight in told.items()
        }
        drawn_joints = last[index : index + draws, : one.clip.num_frames]
        one = replace(one, spread=_spread(solver, outcome, drawn_joints, index))
        if one.clip.truth is not None and solver.scores:
            one = scored(one, body_alone(problem.ctx, index, recipe), recipe, problem.ctx)
        results.append(one)
    return results


def scored(result: Result, body: Body, recipe: Recipe, ctx: BuildContext) -> Result:
    """The result with the recipe's metrics against the truth, for the initial and final motion and the truth itself."""
    clip, names = result.clip, recipe.metrics
    metrics = {
        "initial": report(clip, result.initial, body, names, result.initial_camera, ctx.build).values,
        "final": report(clip, result.motion, body, names, result.camera, ctx.build).values,
        "truth": report_truth(clip, result.motion, body, names, ctx.build).values,
    }
    return replace(result, metrics=metrics)


def scored_later(result: Result, recipe: Recipe, ctx: BuildContext) -> Result:
    """The scores of a result that was solved without them, elsewhere perhaps."""
    clip = result.clip
    if clip.truth is None:
        return result
    assert clip.observations is not None and clip.camera is not None and clip.body is not None
    item = Evidence(clip, clip.observations, clip.camera, clip.body)
    problem = problem_context(stack([item], ctx.device), StreamNoise([0], ctx.device), ctx)
    return scored(result, body_alone(problem, 0, recipe), recipe, problem)


def _result(
    solver: Solver,
    problem: Problem,
    outcome: Outcome,
    final: Placed,
    joints: tuple[Tensor, Tensor],
    facts: dict[str, Any],
    index: int,
) -> Result:
    """Result of clip ``index`` of a solved batch. ``joints``: final and initial, ``T 24 3``."""
    clip = problem.batch.clips[index]
    frames = clip.num_frames
    result = Result(
        clip=clip,
        motion=pick(final.motion, index, frames),
        camera=pick(final.camera, index, frames),
        joints=joints[0][:frames],
        initial=pick(problem.start.motion, index, frames),
        initial_camera=pick(problem.start.camera, index, frames),
        initial_joints=joints[1][:frames],
        status=Status.DIVERGED if bool(outcome.diverged[index]) else Status.FINISHED,
        recipe=solver.recipe.dump(),
        log={name: log.of_clip(index) for name, log in outcome.logs.items()},
        provenance=facts
        | {"scale": [s[index].item() for log in outcome.logs.values() for s in log.scale]}
        | ({"not_finite": outcome.causes[index]} if index in outcome.causes else {}),
        body_model=problem.body.name,
    )
    return judged(on_floor(told_vertical(result, problem.start.vertical, index)))


#: Feet that stand further than this from the floor of a world that is kept are doubted, m.
_OFF = 0.1


def on_floor(result: Result) -> Result:
    """The result, not trusted if its camera is held and its feet are not on the floor of that world."""
    clip = result.clip
    if clip.camera is None or not clip.camera.held:
        return result
    off = float(result.joints[:, FEET, 1].amin(-1).quantile(0.1))
    if abs(off) < _OFF:
        return result
    where = f"{'under' if off < 0 else 'over'} the floor of {clip.camera.facts.get('result', 'that world')}"
    doubt = (
        f"the feet are {abs(off) * 100:.0f} cm {where}: one of the two is not as tall as told (--height), or stands "
        "elsewhere"
    )
    return _doubted(result, doubt)


def _doubted(result: Result, doubt: str) -> Result:
    """The result, not trusted for one more reason, which is told."""
    clip = result.clip
    log.warning("%s: %s; the result is marked as not trusted", clip.name, doubt)
    return replace(result, clip=replace(clip, doubts=(*clip.doubts, doubt)))


def at_start(problem: Problem, recipe: Recipe) -> Result:
    """The only clip of a batch before its solve, with what it rests on and its doubts."""
    motion, camera = pick(problem.start.motion, 0), pick(problem.start.camera, 0)
    with torch.no_grad():
        joints = problem.body.joints(problem.start.motion)[0].cpu()
    result = Result(
        clip=problem.batch.clips[0], motion=motion, camera=camera, joints=joints, initial=motion, initial_camera=camera,
        initial_joints=joints, status=Status.FINISHED, recipe=recipe.dump(), log={}, provenance={},
        body_model=problem.body.name,
    )  # fmt: skip
    return told_vertical(result, problem.start.vertical, 0)


def told_vertical(result: Result, vertical: Vertical | None, index: int) -> Result:
    """The result with what its vertical is from (``provenance["vertical"]``); a vague one is doubted."""
    if vertical is None:
        return result
    facts = vertical.facts(index)
    result = replace(result, provenance={**result.provenance, "vertical": facts})
    if vertical.sd[index] < VAGUE:
        return result
    doubt = f"the vertical is known to {facts['sd_deg']:.0f} degrees only"
    return _doubted(result, doubt)


def weights_told(problem: Problem) -> dict[str, Tensor]:
    """Frame weights of each term that has some, ``B T``, to two digits."""
    tell = {name: term.energy.weight() for name, term in problem.terms.items() if isinstance(term.energy, TellsWeight)}
    return {name: weight.double().cpu().round(decimals=2) for name, weight in tell.items() if weight is not None}


def judged(result: Result) -> Result:
    """The result, marked doubtful if it finished but does not fit its keypoints; ``provenance["doubt"]`` says why."""
    doubt = misfit(result) if result.status == Status.FINISHED else None
    if doubt is None:
        return result
    return replace(result, status=Status.DOUBTFUL, provenance={**result.provenance, "doubt": doubt})


def _spread(solver: Solver, outcome: Outcome, joints: Tensor, index: int) -> Spread | None:
    """The 90 % band of the clip at ``index`` from its draws; diverged draws are left out."""
    lost = outcome.diverged[index : index + len(joints)].cpu()
    return None if bool(lost[0]) else spread(joints[~lost].unbind(), solver.recipe.draws)
