"""What a second worker is worth: many short clips by one process, by two local workers and by Ray with two.

    uv run --group dev python benchmarks/runners.py [--clips 64] [--frames 12] [--set key=value]

One thread a worker; the same jobs for each. Start-up is apart: a worker's first job (imports, Ray's own start) is not
counted, so time runs from the moment when every worker has ended one job to the end of the last. Prints wall seconds,
CPU seconds of the workers and of the rest (driver, Ray's daemons), and how many times as fast as one process it is.
On a busy machine only the CPU seconds mean something.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from diffopt_core.common.jobs import Job
from diffopt_core.host.choice import Choice
from diffopt_core.host.recipe import setting
from diffopt_core.host.registry import Registry
from diffopt_core.interfaces import Runner
from diffopt_core.parts.demo_motion import demo_case
from diffopt_core.results.inputs import inputs_of
from diffopt_core.results.many import CALLS, Ask, job_data, planned

_TICK = os.sysconf("SC_CLK_TCK")


#: Words in the command lines of workers: a local one's, Ray's.
_WORKER = (b"parts.runners", b"MapWorker")


def cpu_seconds(seen: dict[int, float], workers: set[int]) -> tuple[float, float]:
    """Of this process and all that are or were below it: of the workers, and of the others. ``seen``: by process, as it
    was last looked at; ``workers``: which of them are some."""
    used, parents = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if any(word in line for word in _WORKER):
            workers.add(int(entry.name))
        parents[int(entry.name)] = int(fields[1])
        used[int(entry.name)] = sum(map(int, fields[11:13])) / _TICK
    mine, grown = {os.getpid()}, True
    while grown:
        below = {pid for pid, parent in parents.items() if parent in mine} - mine
        mine, grown = mine | below, bool(below)
    seen.update({pid: used[pid] for pid in mine & used.keys()})
    total, theirs = sum(seen.values()), sum(spent for pid, spent in seen.items() if pid in workers)
    return theirs, total - theirs


def make_clips(folder: Path, count: int, frames: int) -> None:
    case, _ = demo_case(0)
    short = {key: value[:frames] if np.ndim(value) and len(value) == 100 else value for key, value in case.items()}
    folder.mkdir()
    for k in range(count):
        moved = {**short, "keypoints": short["keypoints"] + np.float32([k * 0.05, 0, 0])}
        np.savez(folder / f"walk_{k:04d}.npz", **moved)


@dataclass(frozen=True)
class Took:
    """``first``: seconds until every worker had ended a job; of the jobs after that, each: ``wall``, CPU seconds of the
    ``workers``, and of the ``others`` (driver, daemons)."""

    first: float
    wall: float
    workers: float
    others: float


def measure(runner: Runner, workers: int, jobs: list[Job]) -> Took:
    began = mark = now = time.perf_counter()
    spent = used = (0.0, 0.0)
    seen: dict[int, float] = {}
    theirs: set[int] = set()
    for number, end in enumerate(runner.run(jobs), 1):
        if end.error or any(row["state"] == "failed" for row in end.value["rows"]):
            raise SystemExit(f"{end.job.name}: {end.error or end.value['rows']}")
        now, used = time.perf_counter(), cpu_seconds(seen, theirs)
        if number == workers:
            mark, spent = now, used
    after = len(jobs) - workers
    return Took(mark - began, (now - mark) / after, *((b - a) / after for a, b in zip(spent, used, strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--batch", type=int, default=4, help="clips of a job")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    registry = Registry.load()
    ctx = registry.context()
    choice = Choice(recipe="paper", settings=tuple(map(setting, args.settings)))
    one: Took | None = None
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        make_clips(home / "in", args.clips, args.frames)
        inputs = inputs_of([str(home / "in")], registry, choice.resolve(registry))
        for name, workers in (("local", 1), ("local", 2), ("ray", 2)):
            ask = Ask(choice, str(home / f"{name}{workers}"), device="cpu", batch=args.batch, shards=True)
            plan = planned(inputs, [ask], args.batch, "cpu")
            jobs = [Job(each.part, CALLS, job_data(each)) for each in plan]
            took = measure(ctx.build("runner", name, {"workers": workers}), workers, jobs)
            one = one or took
            wall, own, others = (each / args.batch for each in (took.wall, took.workers, took.others))
            ceiling = workers * (one.workers + one.others) / (took.workers + took.others)
            print(
                f"{name}, workers: {workers}: {took.first:.0f} s until each had ended a job; then a clip took "
                f"{wall:.2f} wall s, {own:.2f} CPU s of workers, {others:.2f} of driver and daemons; "
                f"{one.wall / took.wall:.2f} times one process (by CPU seconds at most {ceiling:.2f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
