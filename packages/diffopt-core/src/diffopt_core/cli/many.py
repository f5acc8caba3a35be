"""``diffopt run`` with many inputs: a plan of jobs, a runner that does them, and an index of the results."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..common.console import err, fail, grid, note, out, say
from ..common.output import answer, quiet, speaks
from ..common.progress import terminal_bar
from ..errors import DiffOptError
from ..host import completion

if TYPE_CHECKING:
    from ..common.jobs import Job, JobEnd
    from ..common.storage import Folder
    from ..host.choice import Choice
    from ..host.registry import Registry
    from ..interfaces import Runner
    from ..results.inputs import Portion
    from ..results.shards import Row

_where = partial(typer.Option, rich_help_panel="Where it runs")
RUNNER = _where(
    "--runner", help="local, ray, slurm; `diffopt show runner`.", autocompletion=completion.component("runner")
)
WORKERS = _where("--workers", min=1, help="Concurrent jobs.")
ADDRESS = _where("--address", help="Address of a running cluster (ray).")
OPTIONS = _where("--runner-set", metavar="KEY=VALUE", help="Option of the runner. Repeatable.")
LIMIT = _where("--limit-failures", min=0, metavar="N", help="Stop when more than N inputs have failed.")
SHARDS = _where("--shards/--folders", help="Results as archives with an index, or a folder each; default by number.")

#: More inputs than these are not solved in this process; more than these go to shards.
HERE, FOLDERS = 64, 1000
#: Parts are merged into a shard when they are this large together, bytes, or this many.
_SHARD, _PARTS = 256 * 2**20, 2000
#: Reasons in the table.
_MOST_REASONS = 20


@dataclass(frozen=True)
class Where:
    """The flags of this module."""

    runner: str | None
    workers: int | None
    address: str | None
    options: tuple[str, ...]
    limit: int | None
    shards: bool | None

    @property
    def asked(self) -> bool:
        return any(value not in (None, ()) for value in (self.runner, self.workers, self.address, self.options,
                                                         self.limit, self.shards))  # fmt: skip


def are_many(texts: Sequence[str], home: str | None) -> bool:
    from ..common.storage import is_address
    from ..results.inputs import is_many

    return is_many(texts) or (home is not None and is_address(home))


def too_many(texts: Sequence[str], choice: Choice, registry: Registry) -> bool:
    """Whether there are more inputs than one process should solve. A folder of images is one."""
    from ..perception.perceive import expand

    large = [Path(text) for text in texts if os.path.isdir(text) and len(os.listdir(text)) > HERE]
    return len(texts) > HERE or (
        bool(large) and len(expand(large, registry, choice.resolve(registry), shots=False)) > HERE
    )


def run(
    texts: Sequence[str],
    choice: Choice,
    registry: Registry,
    home: str,
    where: Where,
    exporters: Sequence[str],
    drawings: Sequence[str],
    asked: dict[str, Any],
) -> int:
    """Plan, carry out what is missing, merge and tell. Returns 1 if an input has no sound result."""
    from ..common.storage import Folder, is_address
    from ..results.folder import ResultFolder
    from ..results.index import done
    from ..results.inputs import inputs_of
    from ..results.run import most_together

    ctx = _context(registry, asked["device"])
    recipe = choice.resolve(registry)
    if choice.recipe is not None:  # as it is resolved here, for all workers
        choice = replace(choice, recipe=recipe, roles=(), settings=())
    inputs = inputs_of(texts, registry, recipe)
    shards = where.shards if where.shards is not None else is_address(home) or len(inputs) > FOLDERS
    if is_address(home) and not shards:
        raise DiffOptError(f"--folders: object storage takes shards; leave it out with --out {home}")
    known = registry.components["exporter"]
    drawn = [] if shards else [name for name in drawings if name in known]
    batch = asked["batch"] or most_together(ctx.device)
    ask = _ask(choice, registry, home, [*exporters, *drawn], shards, {**asked, "batch": batch})
    runner = _runner(registry, ctx, where)
    plan = _plan(inputs, batch, ask, ctx.device.type)
    folder = Folder(home)
    with nullcontext() if is_address(home) else ResultFolder(Path(home)).claimed():
        rows, parts = done(folder)
        work = _Work(folder, plan, rows, parts, where.limit)
        _refuse_others(work, shards and not asked["overwrite"], home)
        todo = work.missing(asked["overwrite"], shards)
        if len(todo) < len(plan):
            note(f"{len(plan) - len(todo)} of {len(plan)} jobs are already done")
        with terminal_bar("clips", sum(len(each.inputs) for each in todo)) as bar:
            work.carry_out(runner, todo, ask, bar)
        rows = work.settled()
    return _tell(home, rows, len(inputs), work.stopped)


@dataclass
class _Work:
    """``rows``: of the index; ``parts``: done but not merged, with the sizes of their archives."""

    folder: Folder
    plan: list[Portion]
    rows: list[Row]
    parts: dict[str, int]
    limit: int | None
    stopped: bool = False
    failures: int = 0
    names: dict[str, Portion] = field(default_factory=dict)

    def missing(self, overwrite: bool, shards: bool) -> list[Portion]:
        """Jobs to do. One whose inputs failed is tried again, unless some of its results are in a shard already."""
        if overwrite:
            return self.plan
        states: dict[str, set[str]] = {}
        for row in self.rows:
            states.setdefault(row["job"], set()).add(row["state"])

        def is_done(portion: Portion) -> bool:
            found = states.get(portion.part, set())
            again = found == {"failed"} if shards else "failed" in found
            return portion.part in self.parts or (bool(found) and not again)

        return [portion for portion in self.plan if not is_done(portion)]

    def carry_out(self, runner: Runner, todo: Sequence[Portion], ask: dict[str, Any], bar: Any) -> None:
        from ..common.jobs import Job
        from ..results.many import CALLS, job_data

        jobs: list[Job] = []
        for portion in todo:
            about = ", ".join(each.key for each in portion.inputs[:4]) + (" …" if len(portion.inputs) > 4 else "")
            self.names[portion.part] = portion
            jobs.append(Job(portion.part, CALLS, job_data(ask, portion), f"{len(portion.inputs)} clip(s): {about}"))
        count = 0
        ends = runner.run(jobs)
        for end in ends:
            self._take(end)
            count += len(self.names[end.job.name].inputs)
            bar(count, f", {self.failures} failed" if self.failures else "")
            if self.limit is not None and self.failures > self.limit:
                self.stopped = True
                break
        getattr(ends, "close", lambda: None)()

    def _take(self, end: JobEnd) -> None:
        """Count the rows of a part; a job that left none is given one with its error."""
        name = end.job.name
        rows = (end.value or {}).get("rows")
        if rows is None:
            rows = self._leave_failed(end)
        self.failures += sum(row["state"] == "failed" for row in rows)
        self.parts[name] = (end.value or {}).get("size", 0)
        if len(self.parts) >= _PARTS or sum(self.parts.values()) >= _SHARD:
            self._merge()

    def _merge(self) -> None:
        from ..results.index import gather

        self.rows = gather(self.folder, self.rows, self.parts)
        self.parts = {}

    def _leave_failed(self, end: JobEnd) -> list[Row]:
        from ..results.failures import DISK_FULL, DiskFull
        from ..results.index import part_name
        from ..results.shards import as_csv

        if end.error and DISK_FULL in end.error:
            raise DiskFull(f"{end.error}; make room and run it again: what is done is kept")
        portion, said = self.names[end.job.name], end.error or "the job left no result"
        rows = [
            {"key": each.key, "input": each.path, "state": "failed", "reason": said, "error": said,
             "job": portion.part} for each in portion.inputs
        ]  # fmt: skip
        with self.folder.write(part_name(portion.number, portion.digest, "csv")) as file:
            file.write(as_csv(rows))
        return rows

    def settled(self) -> list[Row]:
        """Merge what is left; the index has every input of the plan once, in its order."""
        from ..results.shards import INDEX, as_csv

        if self.parts:
            self._merge()
        every = [each for portion in self.plan for each in portion.inputs]
        order = {each.key: number for number, each in enumerate(every)}
        by_path = {each.path: number for number, each in enumerate(every)}  # a video has a row for each shot

        def place(row: Row) -> int:
            path = row["input"].partition("#shot")[0]
            return order.get(row["key"], by_path.get(path, len(every)))

        known = {place(row) for row in self.rows}
        open_ = [{"key": each.key, "input": each.path, "state": "open", "reason": "not done yet"}
                 for each in every if order[each.key] not in known]  # fmt: skip
        rows = sorted([*self.rows, *open_], key=place)
        if rows != self.rows:
            with self.folder.write(INDEX) as file:
                file.write(as_csv(rows))
        return [row for row in rows if place(row) < len(every)]


def _ask(
    choice: Choice, registry: Registry, home: str, exporters: Sequence[str], shards: bool, asked: dict[str, Any]
) -> dict[str, Any]:
    """What every job is asked for. Whatever is wrong with it for every input is raised here, before any job."""
    from ..results.many import Ask
    from ..results.run import Run, check_components, context

    probe = Run((), choice.resolve(registry), registry, None, asked["seed"], asked["device"])
    ctx = context(probe)
    check_components(probe, ctx)
    for name in exporters:
        ctx.build("exporter", name)
    return Ask(choice, home, registry.options, exporters=tuple(exporters), shards=shards, **asked).data()


def _plan(inputs: Sequence[Any], batch: int, ask: dict[str, Any], device: str) -> list[Portion]:
    from importlib.metadata import version

    from ..results.inputs import portions

    apart = {"out", "overwrite", "fresh", "batch", "device"}
    what = {key: value for key, value in ask.items() if key not in apart}
    return portions(inputs, batch, [what, device, version("diffopt-core")])


def _refuse_others(work: _Work, strict: bool, home: str) -> None:
    """In shards a key is there once: results of another plan are not replaced unless the user says so."""
    own = {portion.part for portion in work.plan}
    keys = {each.key for portion in work.plan for each in portion.inputs}
    theirs = (row for row in work.rows if row["shard"] and row["key"] in keys and row["job"] not in own)
    other = next(theirs, None)
    if strict and other is not None:
        raise DiffOptError(
            f"{home}: holds '{other['key']}' of a run with other inputs or settings; choose another --out, or replace "
            "it with --overwrite"
        )


def _context(registry: Registry, device: str) -> Any:
    from ..host.provenance import device as find_device

    return registry.context(find_device(device))


def _runner(registry: Registry, ctx: Any, where: Where) -> Runner:
    from ..host.recipe import assign

    named = {"workers": where.workers, "address": where.address}
    options = assign({key: value for key, value in named.items() if value is not None}, where.options)
    return ctx.build("runner", where.runner or "local", options)


def _tell(home: str, rows: Sequence[Row], inputs: int, stopped: bool) -> int:
    """Print how many inputs ended how, and why; returns the exit status."""
    from ..results.failures import by_reason

    states = Counter(row["state"] for row in rows)
    bad = [row for row in rows if row["state"] in ("failed", "diverged")]
    reasons = by_reason(row.get("reason") or row["state"] for row in bad)
    frames = sum(int(row["frames"]) for row in rows if row.get("frames"))
    told = [{"reason": reason, "inputs": count} for reason, count in reasons]
    answer({"out": home, "index": f"{home}/index.csv", "inputs": inputs, "states": dict(states), "frames": frames,
            "reasons": told, "stopped": stopped})  # fmt: skip
    if speaks():
        table = grid("state", "inputs", numbers=True)
        for state, count in states.most_common():
            table.add_row(state, str(count))
        out.print()
        out.print(table)
        say(f"wrote {home}: index.csv has a line for each of {inputs} inputs")
    if reasons and not quiet():
        table = grid("reason", "inputs")
        for reason, count in reasons[:_MOST_REASONS]:
            table.add_row(reason.replace("[", r"\["), str(count))
        err.print()
        err.print(table)
    if stopped:
        fail("more inputs failed than --limit-failures allows: stopped; the same command goes on")
    elif bad:
        fail(f"{len(bad)} of {inputs} inputs have no sound result; the others are written")
    return int(bool(bad) or stopped or states["open"] > 0)
