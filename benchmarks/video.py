"""Videos from their pixels to motion, as `diffopt run` does it: seconds per step, camera found, motion.

    uv run python benchmarks/video.py FOLDER [--fps walk=52,runner=100] [--videos walk,runner] [--kept]

FOLDER holds ``NAME.mp4``. Everything is looked at anew in a cache of its own, unless ``--kept``; MediaPipe's
environment counts only where it has to be built. Errors against a truth: ``benchmarks/real.py``. Seconds are of the
clock: on a machine with neighbours they are more.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from pathlib import Path

import diffopt_core  # noqa: F401  (before torch: it keeps idle threads from spinning)
import torch
from diffopt_core.common.places import CACHE_VARIABLE, cache_folder
from diffopt_core.parts.metrics.quality import quality
from diffopt_core.results.recover import recover
from diffopt_core.types import Result


def fresh_cache() -> None:
    """A cache without anything perceived, but with the environments that are built already."""
    old, new = cache_folder(), Path(tempfile.mkdtemp())
    (old / "environments").mkdir(parents=True, exist_ok=True)
    (new / "environments").symlink_to(old / "environments")
    os.environ[CACHE_VARIABLE] = str(new)


def describe(result: Result) -> None:
    clip, seconds = result.clip, result.provenance["seconds"]
    assert clip.observations is not None and clip.camera is not None and clip.body is not None
    looked = [part.facts.get("seconds", 0.0) for part in (clip.observations, clip.camera, clip.body)]
    facts, gaps = clip.camera.facts, 0 if clip.camera.filled is None else int(clip.camera.filled.sum())
    print(f"camera: {facts.get('model')}, focal length {facts['focal_from']}; filled frames {gaps}")
    print("\n| detector s | camera s | initializer s | solve s |\n|---|---|---|---|")
    print("| " + " | ".join(f"{value:.1f}" for value in (*looked, sum(seconds.values()))) + " |")
    print("\n| | initial | final |\n|---|---|---|")
    for row, (before, after) in quality(result).items():
        print(f"| {row} | {before:.2f} | {after:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fps", default="", help="true rates of slow-motion clips, NAME=FPS,...")
    parser.add_argument("--videos", default="", help="names; default: all")
    parser.add_argument("--out", type=Path, default=Path("runs/video"))
    parser.add_argument("--kept", action="store_true", help="use what earlier runs found")
    args = parser.parse_args()
    if not args.kept:
        fresh_cache()
    rates = dict(item.split("=") for item in args.fps.split(",") if item)
    wanted = args.videos.split(",") if args.videos else [path.stem for path in sorted(args.folder.glob("*.mp4"))]
    print(
        f"torch {torch.__version__}, {platform.machine()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}, seed 0"
    )
    for name in wanted:
        settings = {"input.fps": float(rates[name])} if name in rates else {}
        began = time.perf_counter()
        video = args.folder / f"{name}.mp4"
        result = recover(video, settings=settings, out=args.out / name, device="cpu", overwrite=True)
        clip = result.clip
        print(
            f"\n## {name}, {clip.num_frames} frames at {clip.fps:g} fps, {time.perf_counter() - began:.0f} s in all\n"
        )
        describe(result)


if __name__ == "__main__":
    main()
