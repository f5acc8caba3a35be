"""The driver of a run of many: which inputs are missing, what a runner makes of them, and the index that results."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..common.console import note
from ..common.jobs import Job, JobEnd
from ..common.progress import terminal_bar
from ..common.storage import Folder, forget, is_address
from ..common.words import counted
from ..errors import DiffOptError
from ..interfaces import Runner
from .checking import differs
from .failures import DISK_FULL, OTHER_RUN, OtherRun, full_disk_told
from .folder import ResultFolder
from .index import INDEX, PARTS, Row, as_csv, gather, part_file, resumed
from .inputs import Portion
from .many import CALLS, PROBE, job_data, shared
from .shards import RUN, read_index, run_files

log = logging.getLogger(__name__)
#: Parts are merged into a shard when they are this large together, bytes, or this many.
_SHARD, _PARTS = 256 * 2**20, 2000
#: Called with the number of inputs that are done, and of those that failed.
Watch = Callable[[int, int], None]
#: More results than these go to shards.
FOLDERS = 1000


def are_shards(home: str, keys: Sequence[str], asked: bool | None = None) -> bool:
    """Whether results under these keys go to shards: as they do already, as asked, or by their number."""
    there = {bool(row["shard"]) for row in read_index(Folder(home)) if row["state"] not in ("failed", "open")}
    if not there and not is_address(home) and any(os.path.isfile(f"{home}/{key}/{RUN}") for key in keys):
        there = {False}  # of a run in one process, or whose index was lost
    if asked is None and there:
        return any(there)
    if asked is not None and (not asked) in there:
        kind, flag = ("folders", "--shards") if asked else ("shards", "--folders")
        raise DiffOptError(f"{home}: holds results in {kind}; leave {flag} out, or choose another --out")
    if is_address(home) and asked is False:
        raise DiffOptError(f"--folders: object storage takes shards; leave it out with --out {home}")
    return asked if asked is not None else is_address(home) or len(keys) > FOLDERS


def carry_out(
    home: str, plan: list[Portion], runner: Runner, what: str, overwrite: bool, shards: bool, whole: bool,
    limit: int | None = None,
) -> tuple[Work, list[Row]]:  # fmt: skip
    """Do what is missing of a plan, ``what`` it is of in the user's words (clips, cells), and merge; returns the rows
    of the plan. ``whole``: see :class:`Work`."""
    with nullcontext() if is_address(home) else ResultFolder(Path(home)).claimed(), full_disk_told(home):
        work = Work(Folder(home), plan, resumed(Folder(home)), whole, limit)
        if shards and not overwrite:
            work.refuse_others(home)
        todo = work.missing(overwrite, shards)
        count = sum(len(each.wanted) for each in todo)
        total = sum(len(portion.inputs) for portion in plan)
        if count < total:
            note(f"{total - count:,} of {total:,} {what} are already done")
        with terminal_bar(what, count) as bar:
            work.carry_out(runner, todo, lambda done, bad: bar(done, f", {bad} failed" if bad else ""))
        rows = work.settled()
        with suppress(OSError):
            Path(home, PARTS).rmdir()  # in storage there are no folders
        return work, rows


@dataclass
class Work:
    """``rows``: of the index. ``whole``: batches decide last bits (GPUs), so jobs are solved as planned, whatever is
    missing. ``limit``: more failures stop the run. ``parts``: done but not merged, with the sizes of their archives."""

    folder: Folder
    plan: list[Portion]
    rows: list[Row]
    whole: bool
    limit: int | None
    stopped: bool = False
    notices: list[str] = field(default_factory=list)
    failures: int = 0
    parts: dict[str, int] = field(default_factory=dict)
    _probed: list[Portion] = field(default_factory=list)
    _rests: set[str] = field(default_factory=set)

    def missing(self, overwrite: bool, shards: bool) -> list[Portion]:
        """Jobs to do, with the inputs that have no result yet, or none any more. A failed input is tried again; a video
        of which some shots failed too, but for shards, where the others are there already."""
        if overwrite:
            return self.plan
        states: dict[str, set[str]] = {}
        there = self.folder.names() if shards else {}
        for row in self.rows:
            sound = row["state"] not in ("failed", "open")
            kept = row["shard"] in there if shards else os.path.isfile(self.folder.file(f"{row['key']}/{RUN}"))
            states.setdefault(row["mark"], set()).add(row["state"] if kept or not sound else "open")

        def is_done(mark: str) -> bool:
            found = states.get(mark, set())
            bad = found & {"failed", "open"}
            return found != bad if shards else bool(found) and not bad

        todo = []
        for portion in self.plan:
            keys = frozenset(each.key for each in portion.inputs if not is_done(each.mark))
            if keys:
                todo.append(portion.only(keys, self.whole))
        return todo

    def refuse_others(self, home: str) -> None:
        """In shards a key is there once: results of other settings are not replaced unless the user says so."""
        own = {each.key: (each, portion) for portion in self.plan for each in portion.inputs}
        for row in self.rows:
            each, portion = own.get(row["key"], (None, None))
            if row["shard"] and each is not None and portion is not None and each.mark != row["mark"]:
                saved = next((saved for _, saved in run_files(self.folder, [row])), {})
                raise OtherRun(f"{home}: {row['key']}", differs(shared(portion.ask, each.options)[1], saved))

    def carry_out(self, runner: Runner, todo: Sequence[Portion], watch: Watch) -> None:
        """Do the jobs. One that is lost with its worker, and again when it was repeated, is done input by input, so
        that one that kills workers costs itself alone. Where batches decide bits its inputs are only probed one by one,
        and those that live are done together, as if the others had not been read."""
        count = 0
        while todo and not self.stopped:
            portions = {portion.part: portion for portion in todo}
            lost, dead = [], set()
            with closing(_ends(runner, [_job(portion) for portion in portions.values()])) as ends:
                for end in ends:
                    portion = portions[end.job.name]
                    if end.lost and len(portion.inputs) > 1:
                        log.warning("%s: %s; its clips are tried one by one", end.job.about, end.error)
                        lost.append(portion)
                        continue
                    if not portion.wanted:  # a probe
                        if end.error is not None:
                            dead |= {each.key for each in portion.inputs}
                        if end.error is None or not self._asked(portion):
                            continue
                        portion = replace(portion, keys=None)
                    self._take(portion, end)
                    count += len(portion.inputs)
                    watch(count, self.failures)
                    if self.limit is not None and self.failures > self.limit:
                        self.stopped = True
                        break
            todo = self._again(lost, dead)

    def _asked(self, probe: Portion) -> bool:
        """Whether a result is wanted of the input of a probe."""
        return any(probe.inputs[0] in portion.wanted for portion in self._probed)

    def _again(self, lost: Sequence[Portion], dead: set[str]) -> list[Portion]:
        """What is done after a round: of lost jobs, and of those whose inputs were probed in it."""
        rests = [portion.without(dead) for portion in self._probed]
        self._rests |= {rest.part for rest in rests}
        self._probed = [portion for portion in lost if self.whole and portion.part not in self._rests]
        alone = [each for portion in lost if portion not in self._probed for each in portion.singly()]
        return [*alone, *(each for portion in self._probed for each in portion.probes()),
                *(rest for rest in rests if rest.wanted)]  # fmt: skip

    def _take(self, portion: Portion, end: JobEnd) -> None:
        """Count the rows of a part; a job that left none is given one with its error."""
        value = end.value or {}
        rows = value.get("rows")
        if rows is None:
            rows = self._leave_failed(portion, end)
        self.failures += sum(row["state"] == "failed" for row in rows)
        self.notices += value.get("notices", ())
        self.parts[portion.part] = value.get("size", 0)
        if len(self.parts) >= _PARTS or sum(self.parts.values()) >= _SHARD:
            self._merge()

    def _merge(self) -> None:
        self.rows = gather(self.folder, self.rows, self.parts)
        self.parts = {}

    def _leave_failed(self, portion: Portion, end: JobEnd) -> list[Row]:
        if end.error and (OTHER_RUN in end.error or DISK_FULL in end.error):
            raise DiffOptError(end.error)
        error = end.error or "the job left no result"
        reason = error.partition(" (twice)")[0] if end.lost else error  # without the worker's name
        rows = [{"key": each.key, "input": each.path, "state": "failed", "reason": reason, "error": error,
                 "mark": each.mark} for each in portion.wanted]  # fmt: skip
        with self.folder.write(part_file(portion.part, "csv")) as file:
            file.write(as_csv(rows))
        for each in portion.wanted:  # a worker of this machine has left its copy
            if is_address(each.path):
                forget(each.path)
        return rows

    def settled(self) -> list[Row]:
        """Merge what is left; the index has every input of the plan once, in its order. Returns the plan's rows."""
        if self.parts:
            self._merge()
        every = [each for portion in self.plan for each in portion.inputs]
        order = {each.key: number for number, each in enumerate(every)}

        def place(row: Row) -> int:
            _, shot, number = row["input"].rpartition("#shot")  # a video has a row for each shot
            key = row["key"].removesuffix(f"_shot{number}") if shot else row["key"]
            return order.get(key, order.get(row["key"], len(every)))

        known = {place(row) for row in self.rows}
        open_ = [{"key": each.key, "input": each.path, "state": "open", "reason": "not done yet"}
                 for each in every if order[each.key] not in known]  # fmt: skip
        rows = sorted([*self.rows, *open_], key=place)
        if rows != self.rows:
            with self.folder.write(INDEX) as file:
                file.write(as_csv(rows))
        return [row for row in rows if place(row) < len(every)]


def _job(portion: Portion) -> Job:
    keys = [each.key for each in portion.wanted]
    shown = keys or [each.key for each in portion.inputs]
    about = f"{counted(len(shown), 'clip')}: {', '.join(shown[:4])}{' …' if len(shown) > 4 else ''}"
    return Job(portion.part, CALLS if keys else PROBE, job_data(portion), about)


def _ends(runner: Runner, jobs: Sequence[Job]) -> Generator[JobEnd, None, None]:
    """Closing it stops the workers."""
    yield from runner.run(jobs)
