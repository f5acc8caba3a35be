"""Seconds and memory of the main job, and what a batch saves. Compare the ratio: machines are noisy.

    uv run python benchmarks/speed.py FOLDER_OF_CASES [--recipe paper] [--alone 16] [--device cpu]

Solves the folder's cases in one batch, then one after the other, in this one process, with the same recipe and
seed, and prints seconds of each, their ratio, and the peak memory of a fresh process that
solves the first case.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import diffopt_core  # noqa: F401  (before torch: it keeps idle threads from spinning)
import torch
from diffopt_core.host import recipe as recipes
from diffopt_core.host.registry import Registry
from diffopt_core.results.execute import execute
from diffopt_core.results.run import Run


def solve(registry: Registry, recipe: recipes.Recipe, cases: list[Path], device: str):
    """Wall seconds of one run, perception and files included, and its results."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as out:
        results = execute(Run(tuple(cases), recipe, registry, Path(out) / "out", device=device), lambda *_: None)
    return time.perf_counter() - began, results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recipe", default="paper")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--alone", type=int, default=16, help="cases solved one after the other")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only-first", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    registry = Registry.load()
    recipe = recipes.parse(recipes.assign(recipes.load(args.recipe, registry.recipes), args.settings))
    cases = sorted(args.folder.glob("*.npz"))
    if args.only_first:
        seconds, _ = solve(registry, recipe, cases[:1], args.device)
        print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return

    fresh = [sys.executable, __file__, str(args.folder), "--recipe", args.recipe, "--device", args.device]
    settings = [word for setting in args.settings for word in ("--set", setting)]
    began = time.perf_counter()
    answer = subprocess.run([*fresh, *settings, "--only-first"], check=True, capture_output=True, text=True).stdout
    whole = time.perf_counter() - began
    seconds, memory = (float(word) for word in answer.split()[-2:])
    print(f"torch {torch.__version__}, {args.device}, {torch.get_num_threads()} threads, recipe {args.recipe}, seed 0")
    print(f"one case, fresh process: {whole:.1f} s with start-up, {seconds:.1f} s without, peak {memory:.0f} MiB")

    together, results = solve(registry, recipe, cases, args.device)
    stages = {name: round(value, 1) for name, value in results[0].provenance["seconds"].items()}
    print(f"{len(cases)} cases in one batch: {together:.1f} s, by stage {stages}")
    alone = [solve(registry, recipe, [case], args.device)[0] for case in cases[: args.alone]]
    total = sum(alone) * len(cases) / len(alone)
    print(f"{len(alone)} of them alone: {sum(alone):.1f} s ({min(alone):.1f} to {max(alone):.1f} each)")
    print(f"batch / one after the other: {together / total:.2f}")


if __name__ == "__main__":
    main()
