"""How many clips per second, by how many are solved side by side: what one device does when it has enough to do.

    uv run python benchmarks/batch.py FOLDER [--recipe paper] [--sizes 1,16,64] [--device auto] [--set key=value]

The folder's cases, over and over under other names and seeds of their own, in one batch of each size. Prints seconds of
binding and of the stages, clips and frames per second of those, seconds with perception, scoring and files, and the
device's peak memory. A small solve comes first, so that no size pays for what libraries do once.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import tempfile
import time
from pathlib import Path

import diffopt_core  # noqa: F401  (before torch: it keeps idle threads from spinning)
import torch
from diffopt_core.host import recipe as recipes
from diffopt_core.host.provenance import device as find_device
from diffopt_core.host.registry import Registry
from diffopt_core.results.execute import execute
from diffopt_core.results.run import Run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recipe", default="paper")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--sizes", default="1,16,64")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    registry, device = Registry.load(), find_device(args.device)
    settings = ['metrics=["rigid_clip","W-MPJPE100"]', *args.settings]
    recipe = recipes.parse(recipes.assign(recipes.load(args.recipe, registry.recipes), settings), args.recipe)
    cases = sorted(args.folder.glob("*.npz"))
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    print(f"{name}, torch {torch.__version__}, {torch.get_num_threads()} threads, recipe {args.recipe}, seed 0")
    print(
        f"{'clips':>6}{'bind s':>9}{'stages s':>10}{'clips/s':>9}{'frames/s':>10}{'whole s':>9}{'MiB':>8}{'W mm':>8}",
        flush=True,
    )
    for number, size in enumerate([min(2, len(cases)), *(int(word) for word in args.sizes.split(","))]):
        with tempfile.TemporaryDirectory() as place:
            files = [Path(place) / f"{k:05d}.npz" for k in range(size)]
            (Path(place) / "truth").mkdir()
            for k, file in enumerate(files):
                source = cases[k % len(cases)]
                shutil.copy(source, file)
                shutil.copy(source.parent / "truth" / source.name, file.parent / "truth" / file.name)
            if device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(device)
            began = time.perf_counter()
            run = Run(tuple(files), recipe, registry, Path(place) / "out", device=str(device), batch=size)
            results = execute(run, lambda *_: None)
            whole = time.perf_counter() - began
        seconds = dict(results[0].provenance["seconds"])
        bind = seconds.pop("bind")
        stages = sum(value for key, value in seconds.items() if key in recipe.schedule)
        memory = results[0].provenance["memory"].get("device_mib", results[0].provenance["memory"]["host_mib"])
        frames = sum(len(result.joints) for result in results)
        error = sum(result.metrics["final"]["W-MPJPE100"] for result in results) / size
        if number:
            took = bind + stages
            print(
                f"{size:>6}{bind:>9.2f}{stages:>10.2f}{size / took:>9.2f}{frames / took:>10.0f}{whole:>9.1f}"
                f"{memory:>8.0f}{error:>8.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
