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
from .failures import Failure, spared
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
    batch: int | None = None  # most clips of a solve; None: :func:`most_together`
    only: tuple[str, ...] = field(default=())  # clips to write, if the repeated run was one clip of a batch
    besides: tuple[Exporter, ...] = ()  # exporters of pictures and reports, which are not part of the run's fingerprint
    fresh: bool = False  # ignore the perception cache
    choose: Callable[[str], Recipe] | None = None
    apart: bool = False  # a folder for the result even of a single input

    def folder(self, name: str) -> Path:
        assert self.out is not None
        return self.out if (len(self.inputs) == 1 or self.only) and not self.apart else self.out / name

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


def most_together(device: torch.device) -> int:
    """Most clips of a batch, if the user does not say: beyond it a CPU gains little, and other workers have nothing."""
    return 8 if device.type == "cpu" else 64


def name_of(path: Path) -> str:
    """Name of an input before it is opened: of the file, or of the clip in it (``shard.npz#clip``)."""
    file, mark, clip = str(path).rpartition("#")
    if mark and file and not path.exists():
        return f"{Path(file).stem}_{clip}" if clip.startswith("shot") else clip
    return path.stem


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


def check(run: Run, failed: list[Failure] | None = None) -> list[Evidence]:
    """Check everything that can fail before the solve (plugins, options, device, files, output folders), then
    perceive. ``failed``: bad inputs are added to it; None raises the error of the first."""
    with named(run.registry):
        return _checked(run, failed)


def _checked(run: Run, failed: list[Failure] | None) -> list[Evidence]:
    ctx = context(run)
    check_components(run, ctx)
    clips = []
    for path in run.inputs:
        with spared(failed, name_of(path), path, run.registry):
            clips.append(opened(run, path, ctx))
    names = [clip.name for clip in clips]
    if twice := {name for name in names if names.count(name) > 1}:
        raise DiffOptError(
            f"two inputs have the clip name '{sorted(twice)[0]}', so their "
            "results would overwrite each other; rename one of the files"
        )
    for clip in clips:
        if not run.only or clip.name in run.only:
            check_folder(run, clip.name, content_of(clip))
    found = _all_perceived(run, clips, ctx, failed)
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


def opened(run: Run, path: Path, ctx: BuildContext) -> Clip:
    """Open an input. Warnings are kept with the clip."""
    with heard([]) as told:
        clip = open_clip(path, run.recipe, ctx)
    return replace(clip, facts={**clip.facts, **({"warnings": told} if told else {})})


def _all_perceived(run: Run, clips: Sequence[Clip], ctx: BuildContext, failed: list[Failure] | None) -> list[Evidence]:
    """The evidence of every clip. A shot of a video that shows nobody, or cannot be used, is left out with a warning if
    there are others."""
    found, left = [], []
    for clip in clips:
        try:
            with spared(None if clip.video and clip.video.shot else failed, clip.name, clip.path, run.registry):
                found.append(perceived(run, clip, ctx))
        except BadInput as error:
            if len(clips) == 1 or clip.video is None or not clip.video.shot:
                raise
            left.append(error)
            log.warning("%s is left out: %s: %s", clip.name, error.key, error.problem)
    if left and not found:
        raise left[0]
    return found


def perceived(run: Run, clip: Clip, ctx: BuildContext) -> Evidence:
    """Warnings are kept with the clip. The recipe that is chosen for the clip may want another initializer."""
    with heard(list(clip.facts.get("warnings", ()))) as told:
        found = perceive(clip, run.recipe, ctx, run.fresh, lambda item: run.for_clip(item).recipe)
    return replace(found, clip=replace(found.clip, facts={**found.clip.facts, "warnings": told})) if told else found


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
        return (*key(item), run.for_clip(item).recipe.summary)

    for _, group in groupby(sorted(evidence, key=lambda item: str(together(item))), key=together):
        members = list(group)
        chosen = run.for_clip(members[0])
        ctx = context(chosen)
        solver = Solver(chosen.recipe, run.registry, ctx, report, partial(_staged, chosen), watch, scores)
        long = members[0].clip.num_frames > chosen.recipe.input.most
        side_by_side = 1 if long else max(1, (run.batch or most_together(ctx.device)) // chosen.recipe.draws.count)
        for first in range(0, len(members), side_by_side):
            some = members[first : first + side_by_side]
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


def check_folder(run: Run, name: str, content: str | None) -> None:
    """Raise DiffOptError if the folder holds anything but a result that this run could give."""
    if run.out is None:
        return
    folder = ResultFolder(run.folder(name))
    marks = [fingerprint(recipe, run.seed, run.device, content) for recipe in run.possible()]
    folder.check(next((mark for mark in marks if folder.holds(mark)), marks[0]), run.overwrite)


def context(run: Run) -> BuildContext:
    """Context for building components outside of a bound problem."""
    return run.registry.context(find_device(run.device), run.seed, run.recipe.input.env)


def check_components(run: Run, ctx: BuildContext) -> None:
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
        clip, warnings = result.clip, [*result.clip.facts.get("warnings", ()), *told]
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
