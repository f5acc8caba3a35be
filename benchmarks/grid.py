"""What a grid costs beside its solves, and what a second local worker saves. Machines are noisy: compare the ratios.

    uv run python benchmarks/grid.py FOLDER_OF_CASES [--recipe paper] [--seeds 4] [--set key=value] [--rounds 1]

Solves the folder's cases under one recipe and several seeds, a seed per job, with one worker of one thread, then with
two. Prints for each: wall seconds from the first job to the last, seconds of solving (binding and stages, as every
result's run file has them), and what is left: start of the workers (importing torch), reading, evaluation, writing,
scheduling. The start of the workers is measured by itself with a job that does nothing but import torch.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from diffopt_core.common.jobs import Job
from diffopt_core.host.registry import Registry
from diffopt_core.parts.runners import Processes
from diffopt_lab.grid.carry_out import carry_out
from diffopt_lab.grid.plan import CELLS, Plan, table
from diffopt_lab.grid.planning import Asked, make_plan


def runner(workers: int) -> Processes:
    return Processes([dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")] * workers)


def start_up(workers: int) -> float:
    """Seconds until every one of so many workers has done a first job, for which it imports torch."""
    began = time.perf_counter()
    jobs = [Job(str(i), ("torch:is_tensor",), {}) for i in range(workers)]
    list(runner(workers).run(jobs))
    return time.perf_counter() - began


def solve(plan: Plan, out: Path, workers: int) -> tuple[float, float]:
    """Wall seconds, and seconds of solving summed over jobs: each case has its share of its batch's."""
    began = time.perf_counter()
    carry_out(plan, out, runner(workers))
    wall = time.perf_counter() - began
    solving = 0.0
    for key in plan.grid():
        made = json.loads((out / CELLS / key.text / "run.json").read_text())["provenance"]
        solving += sum(made["seconds"].values()) / len(made["batch"])
    return wall, solving


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recipe", default="paper")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--rounds", type=int, default=1, help="repeat, one worker and two in turn")
    args = parser.parse_args()
    if args.seeds % 2:
        parser.error("--seeds: an even number, or the second worker idles while the last job is done")
    registry = Registry.load()
    name, spec = table(args.recipe, registry.recipes)
    for _ in range(args.rounds):
        walls = {}
        for workers in (1, 2):
            start = start_up(workers)
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder)
                asked = Asked(name, spec, args.folder, out, tuple(range(args.seeds)), tuple(args.settings), "cpu")
                plan = make_plan(asked, registry)
                wall, solving = solve(plan, out, workers)
            walls[workers] = wall
            rest = wall * workers - solving
            share, without = rest / solving, (rest - start * workers) / solving
            print(
                f"{workers} worker(s), {len(plan.cases)} cases x {args.seeds} seeds: {wall:.1f} s; solving "
                f"{solving:.1f} s of worker time, the rest {share:.1%} of it, {without:.1%} without the workers' start "
                f"({start:.1f} s each, once)",
                flush=True,
            )
        print(f"two workers are {walls[1] / walls[2]:.2f} times as fast as one")


if __name__ == "__main__":
    main()
