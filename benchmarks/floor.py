"""How far a solve is from its floor: CPU seconds of the whole over those of the prior's forward passes in the same run.

    OMP_NUM_THREADS=1 uv run python benchmarks/floor.py FOLDER_OF_CASES [--recipe paper] [--clips 1,16] [--profile 20]

Per number of clips: seconds of placement and binding, of each stage, of scoring; how much of each is the network, and
the ratios. Everything is measured in one process with one thread; CPU seconds, so that other processes disturb little.
``--profile``: the operations that take the most time of their own in a few steps, by torch's profiler.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import diffopt_core  # noqa: F401  (before torch: it keeps idle threads from spinning)
import torch
from diffopt_core.host import recipe as recipes
from diffopt_core.host.registry import Registry
from diffopt_core.results.execute import execute
from diffopt_core.results.run import Run
from diffopt_core.solver import batch, solve
from diffopt_priors.mdm.denoiser import Denoiser

#: What is profiled: a few steps of each stage.
_SHORT = ("stage.warmup.all.steps=10", "stage.guide.rounds=10", "stage.finetune.all.steps=10")


class Clock:
    """CPU seconds by part, and those of the network within each part."""

    def __init__(self) -> None:
        self.part, self.seconds, self.network = "bind", defaultdict(float), defaultdict(float)
        self._depth = 0

    def timed(self, call: Callable[..., Any], name: Callable[..., str]) -> Callable[..., Any]:
        """``call`` with its time under ``name(*args)``."""

        def wrapped(*args: Any, **more: Any) -> Any:
            before, self.part = self.part, name(*args)
            began = time.process_time()
            try:
                return call(*args, **more)
            finally:
                self.seconds[self.part] += time.process_time() - began
                self.part = before

        return wrapped

    def forward(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **more: Any) -> Any:
            began = time.process_time()
            out = call(*args, **more)
            self.network[self.part] += time.process_time() - began
            return out

        return wrapped


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recipe", default="paper")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--clips", default="1,16")
    parser.add_argument("--profile", type=int, default=0, metavar="ROWS")
    args = parser.parse_args()
    torch.set_num_threads(1)
    registry = Registry.load()
    recipe = recipes.parse(recipes.assign(recipes.load(args.recipe, registry.recipes), args.settings))
    cases = sorted(args.folder.glob("*.npz"))
    if len(cases) < max(map(int, args.clips.split(","))):
        parser.error(f"{args.folder}: has {len(cases)} case files, --clips {args.clips} needs more")
    clock = Clock()
    Denoiser.predict = clock.forward(Denoiser.predict)
    solve._run_stage = clock.timed(solve._run_stage, lambda name, *_: name)
    batch.scored = clock.timed(batch.scored, lambda *_: "scores")
    execute(Run(tuple(cases[:1]), recipe, registry, None), lambda *_: None)  # imports, weights, first calls
    for count in map(int, args.clips.split(",")):
        clock.seconds.clear(), clock.network.clear()
        run = Run(tuple(cases[:count]), recipe, registry, None, batch=count)
        began = time.process_time()
        execute(run, lambda *_: None)
        whole = time.process_time() - began
        floor = sum(clock.network.values())
        if not floor:
            parser.error(f"recipe {args.recipe}: its prior has no such network, so there is no floor")
        rest = whole - sum(clock.seconds.values())
        what = f"{args.recipe}, {count} clip(s)"
        print(f"{what}: {whole:.2f} CPU s, {floor:.2f} in the network: {whole / floor:.2f} floors")
        for name, seconds in [*clock.seconds.items(), ("perceive, place, bind", rest)]:
            own = clock.network.get(name, 0.0)
            print(f"  {name:22} {seconds:7.2f} s  network {own:7.2f}  outside {(seconds - own) / floor:5.2f} floors")
        if args.profile:
            short = recipes.parse(
                recipes.assign(recipes.load(args.recipe, registry.recipes), [*args.settings, *_SHORT])
            )
            print(profiled(replace(run, recipe=short), args.profile))


def profiled(run: Run, rows: int) -> str:
    """The operations of a solve of a few steps, which is one of its own: the profiler would spoil the figures above."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        execute(run, lambda *_: None)
    return profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=rows, max_name_column_width=50)


if __name__ == "__main__":
    main()
