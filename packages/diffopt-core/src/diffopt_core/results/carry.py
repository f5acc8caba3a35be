"""The driver of a run of many: which inputs are missing, what a runner makes of them, and the index that results."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from ..common.jobs import Job, JobEnd
from ..common.storage import Folder, forget, is_address
from ..common.words import counted
from ..errors import DiffOptError
from ..interfaces import Runner
from .failures import DISK_FULL, DiskFull
from .index import INDEX, Row, as_csv, gather, part_file
from .inputs import Portion
from .many import CALLS, PROBE, job_data

log = logging.getLogger(__name__)
#: Parts are merged into a shard when they are this large together, bytes, or this many.
_SHARD, _PARTS = 256 * 2**20, 2000
#: Called with the number of inputs that are done, and of those that failed.
Watch = Callable[[int, int], None]


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
        """Jobs to do, with the inputs that have no result yet. A failed input is tried again; a video of which some
        shots failed too, but for shards, where the others are there already."""
        if overwrite:
            return self.plan
        states: dict[str, set[str]] = {}
        for row in self.rows:
            states.setdefault(row["mark"], set()).add(row["state"])

        def is_done(mark: str) -> bool:
            found = states.get(mark, set())
            again = found == {"failed"} if shards else "failed" in found
            return bool(found - {"open"}) and not again

        todo = []
        for portion in self.plan:
            keys = frozenset(each.key for each in portion.inputs if not is_done(each.mark))
            if keys:
                todo.append(portion.only(keys, self.whole))
        return todo

    def refuse_others(self, home: str) -> None:
        """In shards a key is there once: results of other settings are not replaced unless the user says so."""
        own = {each.key: each.mark for portion in self.plan for each in portion.inputs}
        for row in self.rows:
            if row["shard"] and own.get(row["key"], row["mark"]) != row["mark"]:
                raise DiffOptError(
                    f"{home}: holds '{row['key']}' of another file or other settings; choose another --out, or replace "
                    "it with --overwrite"
                )

    def carry_out(self, runner: Runner, todo: Sequence[Portion], ask: dict[str, Any], watch: Watch) -> None:
        """Do the jobs. One that is lost with its worker, and again when it was repeated, is done input by input, so
        that one that kills workers costs itself alone. Where batches decide bits its inputs are only probed one by one,
        and those that live are done together, as if the others had not been read."""
        count = 0
        while todo and not self.stopped:
            portions = {portion.part: portion for portion in todo}
            lost, dead = [], set()
            with closing(_ends(runner, [_job(ask, portion) for portion in portions.values()])) as ends:
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
        if end.error and DISK_FULL in end.error:
            raise DiskFull(f"{end.error}; make room and run it again: what is done is kept")
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


def _job(ask: dict[str, Any], portion: Portion) -> Job:
    keys = [each.key for each in portion.wanted]
    shown = keys or [each.key for each in portion.inputs]
    about = f"{counted(len(shown), 'clip')}: {', '.join(shown[:4])}{' …' if len(shown) > 4 else ''}"
    return Job(portion.part, CALLS if keys else PROBE, job_data(ask, portion), about)


def _ends(runner: Runner, jobs: Sequence[Job]) -> Generator[JobEnd, None, None]:
    """Closing it stops the workers."""
    yield from runner.run(jobs)
