"""The pipeline: open, perceive, stack, place, bind, solve, evaluate, export; each step once, in this order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import torch

from ..common.output import heard
from ..data.window import Evidence, key
from ..errors import BadInput, DiffOptError, MissingResource
from ..host.choice import FLAGS, PAPER
from ..host.guests import named, tell
from ..host.provenance import device as find_device
from ..host.provenance import versions
from ..host.recipe import Recipe, load, parse
from ..host.registry import Registry
from ..interfaces import BuildContext, Exporter
from ..parts.metrics.report import hold_metric
from ..perception.from_file import AutoConfig, for_video
from ..perception.perceive import open_clip, perceive
from ..solver.batch import Report, Solver, solve_batch
from ..solver.chunks import solve_long
from ..solver.solve import Log
from ..solver.watch import Watch
from ..types import CameraFrameBody, CameraTrajectory, Clip, Result
from .folder import ResultFolder, content_of, fingerprint, run_json

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """A run as requested: files, a resolved recipe, a seed, a device, and where results go (``out/<clip>/``).

    ``out``: None writes nothing. ``choose``: loads a recipe by name if the user named none. Then :func:`fitting`
    chooses the recipe of each clip after perception, because it depends on what is known of camera and body, and
    ``recipe`` is used for perception only.
    """

    inputs: tuple[Path, ...]
    recipe: Recipe
    registry: Registry
    out: Path | None
    seed: int = 0
    device: str = "auto"
    overwrite: bool = False
    batch: int = 64
    only: tuple[str, ...] = field(default=())  # clips to write, if the repeated run was one clip of a batch
    besides: tuple[Exporter, ...] = ()  # exporters of pictures and reports, which are not part of the run's fingerprint
    fresh: bool = False  # ignore the perception cache
    choose: Callable[[str], Recipe] | None = None

    def folder(self, name: str) -> Path:
        assert self.out is not None
        return self.out if len(self.inputs) == 1 or self.only else self.out / name

    def for_clip(self, item: Evidence) -> Run:
        """This run with the recipe of the clip."""
        if self.choose is None:
            return self
        return replace(self, recipe=self.choose(fitting(item.camera, item.body)), choose=None)

    def possible(self) -> Iterator[Recipe]:
        """All recipes that a clip may be solved with; recipes that the user's settings do not fit are skipped."""
        yield self.recipe
        if self.choose is not None:
            for name in FITTING:
                with suppress(DiffOptError):
                    yield self.choose(name)


#: Recipes that are chosen by the evidence, besides the paper's.
FITTING = ("standing-camera", "tracked-camera", "best")


def fitting(camera: CameraTrajectory, body: CameraFrameBody) -> str:
    """Name of the recipe for what is known of a clip; the paper's if too little is known."""
    if not camera.trusted:
        return PAPER
    if camera.travel in ("stands", "turns"):
        return "standing-camera"
    followed = {"landmarks": "tracked-camera", "regressor": "best"}
    return followed.get(body.poses_from, PAPER) if camera.travel == "travels" else PAPER


def check(run: Run) -> list[Evidence]:
    """Check everything that can fail before the solve (plugins, options, device, files, output folders), then
    perceive."""
    with named(run.registry):
        return _checked(run)


def _checked(run: Run) -> list[Evidence]:
    ctx = context(run)
    _check_components(run, ctx)
    clips = [_opened(run, path, ctx) for path in run.inputs]
    names = [clip.name for clip in clips]
    if twice := {name for name in names if names.count(name) > 1}:
        raise DiffOptError(
            f"two inputs have the clip name '{sorted(twice)[0]}', so their "
            "results would overwrite each other; rename one of the files"
        )
    for clip in clips:
        if not run.only or clip.name in run.only:
            _check_folder(run, clip.name, content_of(clip))
    found = _all_perceived(run, clips, ctx)
    _say_recipes(run, found)
    return found


def _say_recipes(run: Run, found: Sequence[Evidence]) -> None:
    """Log one line per recipe that was chosen automatically."""
    chosen: dict[str, list[str]] = {}
    for item in found if run.choose else ():
        chosen.setdefault(fitting(item.camera, item.body), []).append(item.clip.name)
    for name, clips in chosen.items():
        if name != PAPER and run.choose is not None:
            who = clips[0] if len(clips) == 1 else f"{len(clips)} clips"
            recipe = run.choose(name)
            title = titled(name, recipe, run.registry)
            log.warning("%s: solved by %s: %s (--recipe %s is the paper's method)", who, title, recipe.summary, PAPER)


def titled(name: str, recipe: Recipe, registry: Registry) -> str:
    """A recipe's name, and the components that the user put in place of its own: ``best, with prior none``."""
    own = parse(load(name, registry.recipes), f"recipe '{name}'")
    asked = {flag.removeprefix("--"): getattr(recipe, role).name for flag, role in FLAGS.items()
             if getattr(recipe, role).name != getattr(own, role).name}  # fmt: skip
    return f"{name}, with {', '.join(map(' '.join, asked.items()))}" if asked else name


def _opened(run: Run, path: Path, ctx: BuildContext) -> Clip:
    with heard([]) as told:
        clip = open_clip(path, run.recipe, ctx)
    return replace(clip, facts={**clip.facts, **({"warnings": told} if told else {})})


def _all_perceived(run: Run, clips: Sequence[Clip], ctx: BuildContext) -> list[Evidence]:
    """The evidence of every clip. A shot of a video that shows nobody, or cannot be used, is left out with a warning if
    there are others."""
    found, failed = [], []
    for clip in clips:
        try:
            found.append(_perceived(run, clip, ctx))
        except BadInput as error:
            if len(clips) == 1 or clip.video is None or not clip.video.shot:
                raise
            failed.append(error)
            log.warning("%s is left out: %s: %s", clip.name, error.key, error.problem)
    if failed and not found:
        raise failed[0]
    return found


def _perceived(run: Run, clip: Clip, ctx: BuildContext) -> Evidence:
    """Warnings are kept with the clip. The recipe that is chosen for the clip may want another initializer."""
    with heard(list(clip.facts.get("warnings", ()))) as told:
        found = perceive(clip, run.recipe, ctx, run.fresh, lambda item: run.for_clip(item).recipe.initializer)
    return replace(found, clip=replace(found.clip, facts={**found.clip.facts, "warnings": told})) if told else found


def execute(
    run: Run, report: Report, watch: Watch | None = None, evidence: Sequence[Evidence] | None = None
) -> list[Result]:
    """Solve every input and write its results, clips that can share a batch together. ``watch``: shows the solve in
    progress. ``evidence``: the return value of :func:`check`, if it was called before."""
    with named(run.registry):
        return _executed(run, report, watch, _checked(run) if evidence is None else evidence)


def _executed(run: Run, report: Report, watch: Watch | None, evidence: Sequence[Evidence]) -> list[Result]:
    for item in evidence:
        if not run.only:
            _check_folder(run.for_clip(item), item.clip.name, content_of(item.clip))
    todo = [item for item in evidence if run.only or not _is_done(run.for_clip(item), item)]
    tell(run.registry, "diffopt_run_started", run=run)
    results = []

    def together(item: Evidence) -> tuple:
        return (*key(item), run.for_clip(item).recipe.summary)

    for _, group in groupby(sorted(todo, key=lambda item: str(together(item))), key=together):
        members = list(group)
        chosen = run.for_clip(members[0])
        ctx = context(chosen)
        solver = Solver(chosen.recipe, run.registry, ctx, report, partial(_staged, chosen), watch)
        long = members[0].clip.num_frames > chosen.recipe.input.most
        side_by_side = 1 if long else max(1, run.batch // chosen.recipe.draws.count)
        for first in range(0, len(members), side_by_side):
            some = members[first : first + side_by_side]
            with ExitStack() as held:
                for folder in {run.folder(item.clip.name) for item in some} if run.out is not None else ():
                    held.enter_context(ResultFolder(folder).claimed())
                with heard([]) as told:
                    solved = [solve_long(some[0], solver)] if long else _solved(some, solver)
                results += _write(chosen, solved, ctx, told)
    order = [item.clip.name for item in evidence]
    return sorted(results, key=lambda result: order.index(result.clip.name))


def _solved(members: Sequence[Evidence], solver: Solver) -> list[Result]:
    """Solve a batch; if it does not fit into memory, solve it in halves, which gives the same results."""
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


def _check_folder(run: Run, name: str, content: str | None) -> None:
    """Raise DiffOptError if the folder holds anything but a result that this run could give."""
    if run.out is None:
        return
    folder = ResultFolder(run.folder(name))
    marks = [fingerprint(recipe, run.seed, run.device, content) for recipe in run.possible()]
    folder.check(next((mark for mark in marks if folder.holds(mark)), marks[0]), run.overwrite)


def context(run: Run) -> BuildContext:
    """Context for building components outside of a bound problem."""
    return run.registry.context(find_device(run.device), run.seed, run.recipe.input.env)


def _check_components(run: Run, ctx: BuildContext) -> None:
    """Create every config of the recipe once, so that a misspelt option fails here."""
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
        config = registry.config(kind, spec.name, spec.options)
        if isinstance(config, AutoConfig) and config.handed_on:
            registry.config(kind, for_video(ctx, kind, config.asked), config.handed_on)
    for name in recipe.metrics:
        registry.component("metric", name)
        hold_metric(name, ctx)
    for spec in recipe.exporters:  # built here too: missing programs fail before the solve
        ctx.build("exporter", spec.name, spec.options)


def _staged(run: Run, stage: str, log: Log) -> None:
    tell(run.registry, "diffopt_stage_finished", run=run, stage=stage, log=log)


def _write(run: Run, results: Sequence[Result], ctx: BuildContext, told: Sequence[str]) -> list[Result]:
    """Write the requested results into their folders. ``told``: warnings of the solve."""
    kept = [result for result in results if not run.only or result.clip.name in run.only]
    if run.out is None:
        return kept
    exporters = [ctx.build("exporter", spec.name, spec.options) for spec in run.recipe.exporters]
    for result in kept:
        with heard([*result.clip.facts.get("warnings", ()), *told]) as said:
            described = _described(run, result) | {"warnings": said}  # exporters may add warnings before it is written
            ResultFolder(run.folder(result.clip.name)).write(result, exporters, described, run.besides, run.registry)
        tell(run.registry, "diffopt_run_finished", run=run, result=result)
    return kept


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
