"""Clips of different lengths in one batch, filled up to the longest, against each alone: time, errors, distance.

    OMP_NUM_THREADS=1 uv run python benchmarks/mixed.py FOLDER [--recipe paper] [--clips 8] [--shortest 0.5]
        [--device cpu] [--set key=value]

The folder's cases (with truth) are cut to lengths between a share of their own and all of it, drawn with seed 0. On a
GPU such batches are what ``diffopt run`` solves; on a CPU it solves clips of different lengths by themselves, so that a
clip's bits do not depend on its batch. Errors are means over the clips; the distance is of joints, mean over a clip's
frames: two equally good solves of one clip are that far apart.
"""

from __future__ import annotations

import argparse
import platform
import random
import statistics
import time
from pathlib import Path

import diffopt_core  # noqa: F401  (before torch: it keeps idle threads from spinning)
import torch
from diffopt_core.data.window import Evidence, cut
from diffopt_core.host import recipe as recipes
from diffopt_core.host.provenance import device as find_device
from diffopt_core.host.registry import Registry
from diffopt_core.results.checking import opened, perceived
from diffopt_core.results.run import Run, context
from diffopt_core.solver.batch import Solver, solve_batch
from diffopt_core.types import Result

METRICS = ("W-MPJPE100", "WA-MPJPE100", "rigid_clip", "mpjpe_rigid", "pa_mpjpe")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recipe", default="paper")
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--shortest", type=float, default=0.5)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    args = parser.parse_args()
    registry, device = Registry.load(), find_device(args.device)
    settings = [f"metrics={list(METRICS)}".replace("'", '"'), *args.settings]
    recipe = recipes.parse(recipes.assign(recipes.load(args.recipe, registry.recipes), settings), args.recipe)
    run = Run((), recipe, registry, None, device=str(device))
    ctx, draw = context(run), random.Random(0)
    members: list[Evidence] = []
    for path in sorted(args.folder.glob("*.npz"))[: args.clips]:
        clip = opened(run, path, ctx)
        frames = round(clip.num_frames * draw.uniform(args.shortest, 1))
        members.append(perceived(run, cut(clip, 0, frames, None), ctx))
    solver = Solver(recipe, registry, ctx, lambda *_: None, lambda *_: None)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    lengths = ", ".join(str(item.clip.num_frames) for item in members)
    print(f"{name}, torch {torch.__version__}, {torch.get_num_threads()} threads, recipe {args.recipe}, seed 0")
    print(f"frames: {lengths}")
    print(f"{'':>10}{'s':>8}" + "".join(f"{metric:>14}" for metric in METRICS))
    solve_batch(members[:1], solver)  # what libraries do once
    alone, took = timed(lambda: [result for item in members for result in solve_batch([item], solver)])
    row("alone", took, alone)
    together, took = timed(lambda: solve_batch(members, solver))
    row("together", took, together)
    apart = sorted(
        1e3 * float((one.joints - other.joints).norm(dim=-1).mean()) for one, other in zip(alone, together, strict=True)
    )
    print(f"apart: median {statistics.median(apart):.1f} mm, most {apart[-1]:.1f} mm")


def timed(solve) -> tuple[list[Result], float]:
    """Results, and seconds: of the CPU there, of the clock on another device."""
    began = time.process_time(), time.perf_counter()
    results = solve()
    cpu, wall = time.process_time() - began[0], time.perf_counter() - began[1]
    return results, wall if torch.cuda.is_available() else cpu


def row(name: str, took: float, results: list[Result]) -> None:
    means = (statistics.mean(result.metrics["final"][metric] for result in results) for metric in METRICS)
    print(f"{name:>10}{took:>8.1f}" + "".join(f"{mean:>14.1f}" for mean in means), flush=True)


if __name__ == "__main__":
    main()
