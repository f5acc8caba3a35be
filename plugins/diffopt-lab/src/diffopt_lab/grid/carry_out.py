"""Execute a plan with a runner, in one process at a time."""

from __future__ import annotations

import json
import logging
import os
import shutil
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from diffopt_core.common.jobs import Job, JobEnd
from diffopt_core.common.words import counted
from diffopt_core.errors import DiffOptError
from diffopt_core.host.provenance import device as find_device
from diffopt_core.host.recipe import difference, parse
from diffopt_core.interfaces import Runner
from diffopt_core.perception.foreign.lock import take
from diffopt_core.results.folder import fingerprints

from ..study.model import State
from .known import KnownCells
from .plan import Key, Plan, cell_folder, seed_folder
from .work import CALL, Status, write_status

log = logging.getLogger(__name__)
NAME = "grid.lock"


@contextmanager
def only_one(out: Path) -> Iterator[None]:
    """Lock ``out`` for the block; raises DiffOptError naming the process that holds the lock."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        file = open(out / NAME, "a+b")  # noqa: SIM115 (held for the block)
    except OSError as error:
        raise DiffOptError(f"{out}: cannot be written ({error.strerror}); choose another folder with --out") from error
    with file:
        if not take(file):
            raise DiffOptError(f"{out}: this grid is already running{_holder(out)}; wait for it or stop it")
        file.truncate(0)
        file.write(json.dumps({"process": os.getpid(), "host": socket.gethostname(), "since": time.time()}).encode())
        file.flush()
        yield


def _holder(out: Path) -> str:
    try:
        held = json.loads((out / NAME).read_text())
        since = time.strftime("%H:%M:%S", time.localtime(held["since"]))
        return f" by process {held['process']} on {held['host']}, since {since}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


PROGRESS = "progress"
#: Called for every finished cell: the key and its state.
Watch = Callable[[Key, str], None]


def settled(plan: Plan, out: Path, overwrite: bool = False) -> set[Key]:
    """Cells that need not be solved: those of this plan that are finished or diverged (they would diverge again), and
    those of an unreadable case. Failed cells are retried. Raises DiffOptError for a cell of a different run, unless
    ``overwrite``.
    """
    marks = {row.name: fingerprints(parse(row.recipe)) for row in plan.rows}
    known, found = KnownCells(out), set()
    for key in plan.grid():
        if key.case.error is not None:
            found.add(key)
            continue
        status = known.get(key)
        if status is None or status.state is State.FAILED:
            continue
        if status.fingerprint == marks[key.row.name](key.seed, plan.device, key.case.content):
            found.add(key)
        elif not overwrite:
            where = cell_folder(out, key)
            raise DiffOptError(f"{where}: contains a different run ({_changed(where, key)}); use --out or --overwrite")
    known.write()
    return found


def _changed(folder: Path, key: Key) -> str:
    """How the existing run differs from the requested one."""
    try:
        saved = json.loads((folder / "run.json").read_text())
        keys = [name for name, *_ in difference(saved["recipe"], key.row.recipe)]
    except (OSError, ValueError, KeyError, TypeError):
        keys = []
    if not keys:
        return f"case '{key.case.name}', its truth or the device has changed since"
    some = ", ".join(keys[:3]) + (" ..." if len(keys) > 3 else "")
    return f"recipe '{key.row.name}' has changed since, in {some}"


def carry_out(plan: Plan, out: Path, runner: Runner, watch: Watch, overwrite: bool = False) -> None:
    """Solve every unfinished cell. A job that is lost with its worker, and again when it was repeated, is done case by
    case. Raises DiffOptError if the disk is full; finished cells are kept."""
    have = settled(plan, out, overwrite)
    jobs = _jobs(plan, out, [key for key in plan.grid() if key not in have], overwrite)
    shutil.rmtree(out / PROGRESS, ignore_errors=True)
    (out / PROGRESS).mkdir(parents=True, exist_ok=True)
    while jobs:
        keys = {job.name: own for job, own in jobs}
        lost = []
        for end in runner.run([job for job, _ in jobs]):
            own = keys[end.job.name]
            if end.lost and len(own) > 1:
                log.warning("%s: %s; its cases are tried one by one", end.job.about, end.error)
                lost += [[key] for key in own]
            else:
                _settle(out, end, own, watch)
        jobs = [(_job(plan, out, own, number, overwrite), own) for number, own in enumerate(lost)]
    shutil.rmtree(out / PROGRESS, ignore_errors=True)


def _settle(out: Path, end: JobEnd, keys: Iterable[Key], watch: Watch) -> None:
    """Write the status of cells that the worker could not write, and call ``watch``."""
    value = end.value or {}
    if value.get("full"):
        raise DiffOptError(f"{value['full']}; make room and start the same grid again: finished cells are kept")
    for key in keys:
        state = value.get("states", {}).get(key.case.name)
        if state is None:
            why = end.error or "the job ended without a status for this cell"
            write_status(cell_folder(out, key), Status(State.FAILED, error=why, trace=end.trace))
            state = str(State.FAILED)
        watch(key, state)


def _jobs(plan: Plan, out: Path, keys: Sequence[Key], overwrite: bool) -> list[tuple[Job, list[Key]]]:
    """Cases of equal length and rate in one job per recipe and seed, the longest first. A job is a batch of the plan:
    whatever is missing of it, and however many workers there are."""
    wanted = set(keys)
    groups: dict[tuple, list[Key]] = defaultdict(list)
    for key in (key for key in plan.grid() if key.case.error is None):
        groups[key.row.name, key.seed, key.case.frames, key.case.fps].append(key)
    parts = [own[i : i + plan.batch] for own in groups.values() for i in range(0, len(own), plan.batch)]
    parts = [part for part in parts if wanted.intersection(part)]
    parts.sort(key=lambda part: -len(part) * part[0].case.frames)
    own = [[key for key in part if key in wanted] for part in parts]
    solved = own if find_device(plan.device).type == "cpu" else parts  # on a CPU the batch changes no numbers
    jobs = [_job(plan, out, part, number, overwrite) for number, part in enumerate(solved)]
    return list(zip(jobs, own, strict=True))


def _job(plan: Plan, out: Path, keys: Sequence[Key], number: int, overwrite: bool) -> Job:
    row, seed = keys[0].row, keys[0].seed
    name = f"{number:05d} {row.name} seed {seed}"
    about = f"{row.name}, seed {seed}: {', '.join(key.case.name for key in keys)}"
    data = {
        "recipe": row.recipe,
        "plugins": list(plan.plugins),
        "seed": seed,
        "device": plan.device,
        "batch": plan.batch,
        "folder": os.fspath(seed_folder(out, row, seed).absolute()),
        "cases": {key.case.name: key.case.path for key in keys},
        "overwrite": overwrite,
        "progress": os.fspath((out / PROGRESS / f"{number:05d}.json").absolute()),
        "label": f"{row.name}, seed {seed}, {counted(len(keys), 'case')}",
    }
    return Job(name, (CALL,), data, about)
