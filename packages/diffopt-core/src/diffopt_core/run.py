"""The walk: perceive, window, place and bind, solve, evaluate, export. Each step once, in this order."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .draws import drawn, spread
from .errors import DiffOptError
from .evaluate import evaluate
from .folder import ResultFolder
from .interfaces import BuildContext
from .perceive import check_length, open_clip, perceive
from .place import Placed
from .problem import Problem, bind, body_alone, current
from .provenance import device as find_device
from .provenance import peak_memory, perception_terms, provenance
from .recipe import Recipe
from .registry import Registry
from .run_file import fingerprint, run_json
from .solve import Outcome, solve
from .types import Result, Spread, Status
from .window import Evidence, key, pick, stack

Report = Callable[[str, int, int, dict[str, float]], None]


@dataclass(frozen=True)
class Run:
    """What is asked for: files, a resolved recipe, a seed, a device, and where results go (``out/<clip>/``).

    ``by_path``: other recipes for clips whose camera source says ``facts["path"]`` (``fixed``, ``tracked``): what may
    be optimised of a camera depends on what is known of it, which nobody knows before the images were looked at.
    """

    inputs: tuple[Path, ...]
    recipe: Recipe
    registry: Registry
    out: Path
    seed: int = 0
    device: str = "auto"
    overwrite: bool = False
    batch: int = 64
    only: tuple[str, ...] = field(default=())  # clips to write, when a repeated run was one of a batch
    fresh: bool = False  # look at videos anew, whatever was found in them before
    by_path: Mapping[str, Recipe] = field(default_factory=dict)

    def folder(self, name: str) -> Path:
        return self.out if len(self.inputs) == 1 or self.only else self.out / name

    def for_clip(self, item: Evidence) -> Run:
        """This run with the one recipe that the clip is solved by."""
        recipe = self.by_path.get(str(item.camera.facts.get("path")), self.recipe)
        return replace(self, recipe=recipe, by_path={})


def check(run: Run) -> list[Evidence]:
    """Everything that can fail before the solve: plugins, options, device, files, output folders; then perception."""
    ctx = context(run)
    _check_components(run, ctx)
    clips = [open_clip(path, run.registry, run.recipe, ctx) for path in run.inputs]
    names = [clip.name for clip in clips]
    if twice := {name for name in names if names.count(name) > 1}:
        raise DiffOptError(f"two inputs are called '{sorted(twice)[0]}'; results would overwrite each other")
    for clip in clips:
        check_length(clip, run.recipe)
        if not run.only or clip.name in run.only:
            _check_folder(run, clip.name, clip.sha256)
    return [perceive(clip, run.registry, run.recipe, ctx, run.fresh) for clip in clips]


def execute(run: Run, report: Report) -> list[Result]:
    """Solve every input and write its results. Clips that can share a batch do."""
    evidence = check(run)
    for item in evidence:
        if not run.only:
            _check_folder(run.for_clip(item), item.clip.name, item.clip.sha256)
    todo = [item for item in evidence if run.only or not _is_done(run.for_clip(item), item)]
    run.registry.manager.hook.diffopt_run_started(run=run)
    results = []

    def together(item: Evidence) -> tuple:
        return (*key(item), run.for_clip(item).recipe.summary)

    for _, group in groupby(sorted(todo, key=lambda item: str(together(item))), key=together):
        members = list(group)
        chosen = run.for_clip(members[0])
        side_by_side = max(1, run.batch // chosen.recipe.draws.count)
        for first in range(0, len(members), side_by_side):
            results += _solve_batch(chosen, members[first : first + side_by_side], report)
    return results


def _check_folder(run: Run, name: str, sha256: str | None) -> None:
    """Refuse a folder that holds anything but a result that this run may give."""
    folder = ResultFolder(run.folder(name))
    marks = [fingerprint(recipe, run.seed, run.device, sha256) for recipe in (run.recipe, *run.by_path.values())]
    folder.check(next((mark for mark in marks if folder.holds(mark)), marks[0]), run.overwrite)


def context(run: Run) -> BuildContext:
    """The device, the seed and the registry's ``build``, for everything outside a bound problem."""
    ctx = BuildContext(
        find_device(run.device),
        run.seed,
        lambda kind, name, options: run.registry.build(kind, name, options, ctx),
        env=run.recipe.input.env,
    )
    return ctx


def _check_components(run: Run, ctx: BuildContext) -> None:
    """Every config of the recipe is made once, so that a misspelt option fails here."""
    registry, recipe = run.registry, run.recipe
    for kind, spec in [
        ("detector", recipe.detector),
        ("camera", recipe.camera),
        ("initializer", recipe.initializer),
        ("body", recipe.body),
        ("representation", recipe.representation),
        ("prior", recipe.prior),
        ("executor", recipe.executor),
        *(("term", spec) for spec in recipe.used_terms().values()),
    ]:
        registry.config(kind, spec.name, spec.options)
    for name in recipe.metrics:
        registry.component("metric", name)
    for spec in recipe.exporters:  # built here as well: what one lacks (Blender, usd-core) is told before the solve
        registry.build("exporter", spec.name, spec.options, ctx)


def _solve_batch(run: Run, members: Sequence[Evidence], report: Report) -> list[Result]:
    began = time.perf_counter()
    ctx = context(run)
    chosen = ctx.device
    draws = run.recipe.draws.count
    own = [_clip_seed(run.seed, item.clip.sha256) for item in members]
    every = [
        drawn(item, k, seed, run.recipe.draws) for item, seed in zip(members, own, strict=True) for k in range(draws)
    ]
    seeds = [seed + k for seed in own for k in range(draws)]
    problem = bind(stack(every, chosen), seeds, run.registry, run.recipe, ctx)
    seconds = {"bind": time.perf_counter() - began}
    outcome = solve(problem, run.recipe, report)
    for name, log in outcome.logs.items():
        seconds[name] = log.seconds
        run.registry.manager.hook.diffopt_stage_finished(run=run, stage=name, log=log)
    facts = provenance(run.registry, run.recipe, chosen, run.seed)
    facts["licences"] |= perception_terms(run.registry, members)
    facts |= {"seconds": seconds, "batch": [str(item.clip.path) for item in members], "memory": peak_memory(chosen)}
    final = Placed(*current(problem))
    with torch.no_grad():
        joints, first = problem.body.joints(final.motion), problem.body.joints(problem.start.motion)
    results = []
    for number, item in enumerate(members):
        if not run.only or item.clip.name in run.only:
            index = number * draws
            one = _result(run, problem, outcome, final, (joints[index].cpu(), first[index].cpu()), facts, index)
            results.append(replace(one, spread=_spread(run, outcome, joints[index : index + draws].cpu(), index)))
    exporters = [run.registry.build("exporter", spec.name, spec.options, ctx) for spec in run.recipe.exporters]
    for result in results:
        ResultFolder(run.folder(result.clip.name)).write(result, exporters, _described(run, result))
        run.registry.manager.hook.diffopt_run_finished(run=run, result=result)
    return results


def _result(
    run: Run,
    problem: Problem,
    outcome: Outcome,
    final: Placed,
    joints: tuple[Tensor, Tensor],
    facts: dict[str, Any],
    index: int,
) -> Result:
    """Clip ``index`` of a solved batch, scored where there is truth. ``joints``: its last and its first, ``T 24 3``."""
    clip = problem.batch.clips[index]
    facts = facts | {"scale": [s[index].item() for log in outcome.logs.values() for s in log.scale]}
    result = Result(
        clip=clip,
        motion=pick(final.motion, index),
        camera=pick(final.camera, index),
        joints=joints[0],
        initial=pick(problem.start.motion, index),
        initial_camera=pick(problem.start.camera, index),
        initial_joints=joints[1],
        status=Status.DIVERGED if bool(outcome.diverged[index]) else Status.FINISHED,
        recipe=run.recipe.dump(),
        log={name: log.of_clip(index) for name, log in outcome.logs.items()},
        provenance=facts,
        body_model=problem.body.name,
    )
    if clip.truth is None:
        return result
    body = body_alone(problem, index, run.registry, run.recipe)
    names, build = run.recipe.metrics, problem.ctx.build
    metrics = {
        "initial": evaluate(clip, result.initial, body, names, result.initial_camera, build),
        "final": evaluate(clip, result.motion, body, names, result.camera, build),
    }
    return replace(result, metrics=metrics)


def _spread(run: Run, outcome: Outcome, joints: Tensor, index: int) -> Spread | None:
    """The 90 % band round the clip at ``index`` from the draws behind it; one that diverged is left out."""
    lost = outcome.diverged[index : index + len(joints)].cpu()
    return None if bool(lost[0]) else spread(joints[~lost].unbind(), run.recipe.draws)


def _described(run: Run, result: Result) -> dict[str, Any]:
    return run_json(result, run.registry.options, run.seed, run.device, _fingerprint(run, result.clip.sha256))


def _fingerprint(run: Run, sha256: str | None) -> str:
    return fingerprint(run.recipe, run.seed, run.device, sha256)


def _is_done(run: Run, item: Evidence) -> bool:
    folder = ResultFolder(run.folder(item.clip.name))
    return not run.overwrite and folder.holds(_fingerprint(run, item.clip.sha256))


def _clip_seed(seed: int, sha256: str | None) -> int:
    """A stream of its own for every clip, the same alone or in a batch."""
    return (seed * 2_654_435_761 + int((sha256 or "0")[:8], 16)) % 2**31
