"""The stages of a job of many: perceive, solve, write. Each is a function of plain data or of what the one before
returned, so that an engine can run them in different processes.

A job's inputs are those of a :class:`.inputs.Portion`; a bad one costs itself alone. The last stage leaves the job's
part (:mod:`.index`), a row for each input; a job whose part is there already is not done again.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, lru_cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..common.documents import read_json
from ..common.storage import Folder, fetched, forget, is_address, local_copy
from ..data.window import Evidence
from ..errors import BadInput
from ..host.choice import Choice
from ..host.guests import named
from ..host.recipe import Recipe, parse
from ..host.registry import Registry
from ..interfaces import BuildContext
from ..perception.finding import expand
from ..solver.batch import scored_later
from ..types import Clip, Result
from .checking import check_folder, opened, perceived
from .execute import Solved, solved, written
from .failures import Failure, full_disk_told, spared, without
from .folder import content_of
from .index import part_file, row_of, row_of_saved
from .inputs import Input, Portion, chosen, portions
from .run import Run, check_components, context
from .shards import as_csv, from_csv, pack

_HERE = "diffopt_core.results.many"
CALLS = (f"{_HERE}:perceive", f"{_HERE}:solve", f"{_HERE}:write")
#: A clip by itself, to see whether its worker lives; nothing is written.
PROBE = (*CALLS[:2], f"{_HERE}:survived")


@dataclass(frozen=True)
class Ask:
    """What is done with every input. ``shards``: results go to archives, not to folders. ``below``: folder of their
    keys. ``scored``: a clip without truth fails."""

    choice: Choice
    out: str
    plugins: tuple[str, ...] = ()
    seed: int = 0
    device: str = "auto"
    overwrite: bool = False
    batch: int | None = None
    fresh: bool = False
    exporters: tuple[str, ...] = ()
    shards: bool = False
    below: str = ""
    scored: bool = False

    def data(self) -> dict[str, Any]:
        """As JSON. A chosen recipe goes as it is resolved, so that no machine reads its file again."""
        recipe = self.choice.recipe
        return asdict(replace(self, choice=replace(self.choice, recipe=None))) | {
            "recipe": recipe.dump() if isinstance(recipe, Recipe) else recipe
        }

    @classmethod
    def of(cls, data: dict[str, Any]) -> Ask:
        told = dict(data)
        recipe, choice = told.pop("recipe"), told.pop("choice")
        pairs = {key: tuple(map(tuple, choice[key])) for key in ("roles", "settings")}
        choice = Choice(**{**choice, **pairs, "plugins": tuple(choice["plugins"]), "recipe": None, "trust": True})
        if recipe is not None:
            choice = replace(choice, recipe=parse(recipe) if isinstance(recipe, dict) else recipe)
        return cls(choice, **{**told, "plugins": tuple(told["plugins"]), "exporters": tuple(told["exporters"])})


#: What of an ask changes no result.
_APART = {"out", "overwrite", "fresh", "batch", "device"}


def planned(inputs: Sequence[Input], asks: Sequence[Ask], batch: int, device: str) -> list[Portion]:
    """The jobs for every input under each of the asks. ``device``: the kind that is used."""
    made: list[Portion] = []
    for ask in asks:
        data = ask.data()
        what = [{key: value for key, value in data.items() if key not in _APART}, device, version("diffopt-core")]
        own = [replace(each, key=f"{ask.below}/{each.key}") for each in inputs] if ask.below else inputs
        made += portions(own, batch, what, data, len(made))
    return made


def job_data(portion: Portion) -> dict[str, Any]:
    """As JSON; ``wanted``: keys of the inputs whose results are."""
    return {"ask": portion.ask, "part": portion.part, "inputs": [asdict(each) for each in portion.inputs],
            "wanted": [each.key for each in portion.wanted]}  # fmt: skip


@dataclass
class Work:
    """A job between its stages. ``rows``: if the job is done already. ``solved``: recipe, results and warnings of each
    batch."""

    data: dict[str, Any]
    inputs: list[Input] = field(default_factory=list)  # with each shot of a video by itself
    evidence: list[Evidence] = field(default_factory=list)
    solved: list[tuple[Recipe, list[Result], list[str]]] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    rows: list[dict[str, Any]] | None = None


def perceive(data: dict[str, Any]) -> Work:
    """Fetch and open the inputs, and run detector, camera and initializer."""
    job, work = _Job(data), Work(data)
    if job.is_done():
        work.rows = job.rows_of_part()
        return work
    run = job.run()
    ctx = context(run)
    for each in job.inputs:
        with spared(work.failed, each.name, each.path, run.registry):
            work.inputs += job.pieces(run, each)
    for each in work.inputs:
        with spared(work.failed, each.name, each.path, run.registry):
            clip = job.opened(run, each, ctx)
            if not job.ask.shards:
                check_folder(run, clip.name, content_of(clip))
            work.evidence.append(perceived(run, clip, ctx))
    return work


def solve(work: Work) -> Work:
    """Solve what was perceived. Scores are not needed for it."""
    if work.rows is None and work.evidence:
        run = _Job(work.data).run()
        with named(run.registry):
            found = solved(run, work.evidence, _silent, failed=work.failed, scores=False)
            work.solved = [(each.run.recipe, each.results, each.told) for each in found]
    work.evidence = []
    return work


def write(work: Work) -> dict[str, Any]:
    """Score, export, and leave the part. Returns ``rows``, the bytes of the part's archive as ``size``, and
    ``notices``."""
    job, size = _Job(work.data), 0
    notices: list[str] = []
    if work.rows is None:
        with full_disk_told(job.ask.out):
            work.rows, size, notices = job.leave(work)
    for each in job.inputs:
        if is_address(each.path):
            forget(each.path)
    return {"rows": work.rows, "size": size, "notices": notices}


def survived(work: Work) -> dict[str, Any]:
    """The end of a probe."""
    return {}


def _heard(result: Result) -> list[str]:
    """Warnings of its perception; those of the solve concern the batch and are in its run file."""
    return list(result.clip.facts.get("warnings", ()))


def _silent(stage: str, done: int, total: int, losses: dict[str, float]) -> None:
    """A report callback that does nothing."""


@cache
def _registry(plugins: tuple[str, ...]) -> Registry:
    return Registry.load(plugins)


def shared(data: dict[str, Any], options: Sequence[tuple[str, str]]) -> tuple[Ask, Run]:
    """What jobs with the same ask and options share, so that a worker resolves and checks a recipe once."""
    return _shared(json.dumps([data, options]))


@lru_cache(maxsize=64)
def _shared(told: str) -> tuple[Ask, Run]:
    data, options = json.loads(told)
    ask = Ask.of(data)
    registry = _registry(ask.plugins)
    choice = chosen(ask.choice, tuple(map(tuple, options)))
    choose = cache(partial(choice.resolve, registry)) if choice.recipe is None else None
    run = Run(
        (), choice.resolve(registry), registry, None if ask.shards else Path(ask.out, ask.below), ask.seed, ask.device,
        ask.overwrite, ask.batch, fresh=ask.fresh, choose=choose, apart=True,
    )  # fmt: skip
    check_components(run, context(run))
    return ask, run


class _Job:
    def __init__(self, data: dict[str, Any]):
        self.part, self.wanted = data["part"], set(data["wanted"])
        self.inputs = [Input(**{**each, "options": tuple(map(tuple, each["options"]))}) for each in data["inputs"]]
        self.ask, self._shared = shared(data["ask"], self.inputs[0].options)
        self.out = Folder(self.ask.out)

    def run(self) -> Run:
        return replace(self._shared, inputs=tuple(Path(each.path) for each in self.inputs))

    def pieces(self, run: Run, each: Input) -> list[Input]:
        """The input, or the shots of its video. An address is copied to this machine first, with the truth beside
        it."""
        path = each.path
        if is_address(path):
            name = path.rpartition("/")[2]
            path = str(fetched(path, f"truth/{name}" if name.lower().endswith(".npz") else None))
        found = [str(piece).removeprefix(path) for piece in expand([Path(path)], run.registry, run.recipe)]
        if not any(found):
            return [each]
        return [replace(each, key=f"{each.key}_{mark[1:]}", path=each.path + mark) for mark in found]

    def opened(self, run: Run, each: Input, ctx: BuildContext) -> Clip:
        """The clip under its key."""
        address, mark, shot = each.path.partition("#shot")
        path = Path(f"{local_copy(address)}{mark}{shot}" if is_address(address) else each.path)
        clip = opened(run, path, ctx)
        if self.ask.scored and clip.truth is None:
            raise BadInput(path, "truth", f"no ground truth to score against; expected truth/{path.name} beside it")
        facts = {**clip.facts, "address": each.path} if is_address(each.path) else clip.facts
        return replace(clip, name=each.name, facts=facts)

    def is_done(self) -> bool:
        return not self.ask.overwrite and self.out.has(part_file(self.part, "csv"))

    def rows_of_part(self) -> list[dict[str, Any]]:
        name = part_file(self.part, "csv")
        return [dict(row) for row in from_csv(self.out.read(name), name)]

    def leave(self, work: Work) -> tuple[list[dict[str, Any]], int, list[str]]:
        """Write results, then the part: with it the job is done. Returns its rows, the bytes of its archive, and what
        was noticed of its clips."""
        run = self.run()
        ctx = context(run)
        besides = tuple(ctx.build("exporter", name) for name in self.ask.exporters)
        self._fetch_videos(work)
        size = 0
        with tempfile.TemporaryDirectory() as draft:
            home = Path(draft) if self.ask.shards else run.out
            done: dict[str, Result] = {}
            for recipe, results, told in work.solved:
                batch = replace(run, recipe=recipe, out=home, besides=besides, choose=None)
                scored: list[Result] = []
                for result in results:
                    with spared(work.failed, result.clip.name, result.clip.path, run.registry):
                        scored.append(scored_later(result, recipe, ctx))
                done |= {each.clip.name: each for each in written(Solved(batch, scored, told), work.failed)}
            found = {each.mark for each in work.inputs}
            every = [*work.inputs, *(each for each in self.inputs if each.mark not in found)]
            marks = {each.mark for each in self.inputs if each.key in self.wanted}
            wanted = [each for each in every if each.mark in marks]
            rows = [self._row(each, done.get(each.name), work.failed) for each in wanted]
            notices = [without(said, each.clip.name, each.clip.path) for each in done.values() for said in _heard(each)]
            kept = sorted((each.key, Path(draft) / each.name) for each in wanted if each.name in done)
            if self.ask.shards and kept:
                with self.out.write(part_file(self.part, "tar")) as file:
                    pack(file, kept)
                    size = file.tell()
        with self.out.write(part_file(self.part, "csv")) as file:
            file.write(as_csv(rows))
        return rows, size, notices

    def _fetch_videos(self, work: Work) -> None:
        """Exporters draw on the video, which another machine may have fetched for perception."""
        seen = {result.clip.name for _, results, _ in work.solved for result in results if result.clip.video}
        for address in {each.path.partition("#shot")[0] for each in work.inputs if each.name in seen}:
            if is_address(address) and not local_copy(address).is_file():
                fetched(address)

    def _row(self, each: Input, result: Result | None, failed: Sequence[Failure]) -> dict[str, Any]:
        row: dict[str, Any] = {"key": each.key, "input": each.path, "mark": each.mark}
        if result is None:
            said = next((bad for bad in failed if bad.name == each.name), None)
            kept = Path(self.ask.out, each.key, "run.json")
            if said is None and not self.ask.shards and kept.is_file():
                return row | row_of_saved(read_json(kept))
            reason = said.reason.replace(str(local_copy(each.path)), "…") if said else "no result"
            return row | {"state": "failed", "reason": reason, "error": said.error if said else reason}
        return row | row_of(result)
