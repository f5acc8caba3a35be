"""The pipeline: open, perceive, stack, place, bind, solve, evaluate, export; each step once, in this order."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Any

import torch

from ..common.output import heard
from ..data.window import Evidence, key
from ..errors import MissingResource
from ..host.guests import named, tell
from ..host.provenance import versions
from ..solver.batch import Report, Solver, solve_batch
from ..solver.chunks import solve_long
from ..solver.problem import ragged
from ..solver.solve import Log
from ..solver.watch import Watch
from ..types import Clip, Result
from .checking import _checked, check_folder
from .failures import Failure, spared
from .folder import ResultFolder, content_of, fingerprint, run_json
from .run import Run, batches, context, most_together

log = logging.getLogger(__name__)


def execute(
    run: Run,
    report: Report,
    watch: Watch | None = None,
    evidence: Sequence[Evidence] | None = None,
    failed: list[Failure] | None = None,
) -> list[Result]:
    """Solve every input and write its results, clips that can share a batch together. ``watch``: shows the solve in
    progress. ``evidence``: the return value of :func:`check`, if it was called before. ``failed``: bad inputs are added
    to it, and cost no other; None raises the error of the first."""
    with named(run.registry):
        return _executed(run, report, watch, _checked(run, failed) if evidence is None else evidence, failed)


def _executed(
    run: Run, report: Report, watch: Watch | None, evidence: Sequence[Evidence], failed: list[Failure] | None
) -> list[Result]:
    for item in evidence:
        if not run.only:
            check_folder(run.for_clip(item), item.clip.name, content_of(item.clip))
    tell(run.registry, "diffopt_run_started", run=run)
    results = []
    for solve in solved(run, evidence, report, watch, failed):
        results += written(solve, failed)
    order = [item.clip.name for item in evidence]
    return sorted(results, key=lambda result: order.index(result.clip.name))


@dataclass(frozen=True)
class Solved:
    """A solved batch. ``run``: with the recipe of its clips. ``told``: warnings of the solve."""

    run: Run
    results: list[Result]
    told: list[str]


def solved(
    run: Run,
    evidence: Sequence[Evidence],
    report: Report,
    watch: Watch | None = None,
    failed: list[Failure] | None = None,
    scores: bool = True,
) -> Iterator[Solved]:
    """Solve what has no result yet, batch by batch; the folders of a batch are locked until the next is asked for.
    ``scores``: against the truth, too."""
    done = {item.clip.name for item in evidence if not run.only and _is_done(run.for_clip(item), item)}

    def together(item: Evidence) -> tuple:
        recipe = run.for_clip(item).recipe
        return (*key(item), recipe.summary, item.clip.num_frames > recipe.input.most)

    for _, group in groupby(sorted(evidence, key=lambda item: str(together(item))), key=together):
        members = list(group)
        chosen = run.for_clip(members[0])
        ctx = context(chosen)
        solver = Solver(chosen.recipe, run.registry, ctx, report, partial(_staged, chosen), watch, scores)
        long = members[0].clip.num_frames > chosen.recipe.input.most
        most = 1 if long else max(1, (run.batch or most_together(ctx.device)) // chosen.recipe.draws.count)
        mixed = ragged(chosen.recipe, run.registry)
        for positions in batches([item.clip for item in members], most, mixed, ctx.device):
            some = [members[k] for k in positions]
            missing = {item.clip.name for item in some} - done
            if not missing:
                continue
            if ctx.device.type == "cpu":  # where the batch changes no numbers; elsewhere it is solved whole
                some = [item for item in some if item.clip.name in missing]
            with ExitStack() as held:
                for folder in {run.folder(name) for name in missing} if run.out is not None and not run.apart else ():
                    held.enter_context(ResultFolder(folder).claimed())
                with heard([]) as told:
                    found = _each_solved(some, solver, long, failed)
                yield Solved(chosen, [result for result in found if result.clip.name in missing], told)


def _each_solved(members: Sequence[Evidence], solver: Solver, long: bool, failed: list[Failure] | None) -> list[Result]:
    """Solve a batch. If it fails and ``failed`` is given, the clips that fail alone too are taken out, and the others
    solved together: what is in a batch depends on its clips only, not on the machine."""
    if len(members) > 1 and failed is not None:
        try:
            return _solved(members, solver)
        except Exception as error:
            log.warning("a batch of %d clips failed (%s): trying them one by one", len(members), error)
            bad: list[Failure] = []
            alone = [_each_solved([item], solver, long, bad) for item in members]
            failed += bad
            sound = [item for item, one in zip(members, alone, strict=True) if one]
            return _each_solved(sound, solver, long, failed) if bad and sound else [r for one in alone for r in one]
    if not members:
        return []
    with spared(failed, members[0].clip.name, members[0].clip.path, solver.registry):
        return [solve_long(members[0], solver)] if long else _solved(members, solver)
    return []


def _solved(members: Sequence[Evidence], solver: Solver) -> list[Result]:
    """Solve a batch; if it does not fit into memory, solve it in halves."""
    try:
        return solve_batch(members, solver)
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
            raise
        if len(members) == 1:
            raise MissingResource(
                f"{members[0].clip.name}: {members[0].clip.num_frames} frames do not fit into memory; "
                "--set input.most=N solves them in chunks of N"
            ) from error
    log.warning("%d clips do not fit into memory as one batch: solving them in two halves", len(members))
    torch.cuda.empty_cache()
    half = len(members) // 2
    return [*solve_batch(members[:half], solver), *solve_batch(members[half:], solver)]


def _staged(run: Run, stage: str, log: Log) -> None:
    tell(run.registry, "diffopt_stage_finished", run=run, stage=stage, log=log)


def written(solve: Solved, failed: list[Failure] | None = None) -> list[Result]:
    """Write the requested results into their folders; returns those."""
    run, told = solve.run, solve.told
    ctx = context(run)
    kept = [result for result in solve.results if not run.only or result.clip.name in run.only]
    if run.out is None:
        return kept
    exporters = [ctx.build("exporter", spec.name, spec.options) for spec in run.recipe.exporters]
    done = []
    for result in kept:
        others = tuple(f"{other.clip.name}: " for other in solve.results if other is not result)
        own = [text for text in told if not text.startswith(others)]
        clip, warnings = result.clip, [*result.clip.facts.get("warnings", ()), *own]
        if warnings:
            clip = replace(clip, facts={**clip.facts, "warnings": list(warnings)})
            result = replace(result, clip=clip)
        with spared(failed, clip.name, clip.path, run.registry), heard(warnings) as said:
            described = _described(run, result) | {"warnings": said}  # exporters may add to them before it is written
            ResultFolder(run.folder(clip.name)).write(result, exporters, described, run.besides, run.registry)
            tell(run.registry, "diffopt_run_finished", run=run, result=result)
            done.append(result)
    return done


def _described(run: Run, result: Result) -> dict[str, Any]:
    owners = [run.registry.behind(type(exporter).__module__) for exporter in run.besides]
    had = versions(owner.distribution for owner in owners if owner is not None)
    facts = result.provenance | {"versions": result.provenance["versions"] | had}
    made = replace(result, provenance=facts)
    return run_json(made, run.registry.options, run.seed, run.device, _fingerprint(run, result.clip))


def _fingerprint(run: Run, clip: Clip) -> str:
    return fingerprint(run.recipe, run.seed, run.device, content_of(clip))


def _is_done(run: Run, item: Evidence) -> bool:
    if run.out is None or run.overwrite:
        return False
    return ResultFolder(run.folder(item.clip.name)).holds(_fingerprint(run, item.clip))
