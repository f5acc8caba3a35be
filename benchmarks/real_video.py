"""Real videos through the whole walk, from the landmarks of a detector.

    uv run python benchmarks/real_video.py FOLDER [--overlay OUT]

FOLDER holds ``beam_pan``, ``runner`` and ``walk`` as ``.landmarks.npz`` (``docs/formats.md``). ``beam_pan`` has a truth
from four calibrated views (12 limb joints) and a known camera; the other two are slow motion, so their true frame rate
is given here. Prints each named protocol, speed, foot skate and reprojection, before and after. ``--overlay`` draws
the recovered body on frames of the ``.mp4`` files (``uv run --with av ...``).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from diffopt_core import recipe as recipes
from diffopt_core.cli.quality import quality
from diffopt_core.picture import draw_overlay, draw_result, pick_frames, pixels_of
from diffopt_core.registry import Registry
from diffopt_core.run import Run, execute

#: Clip -> true frame rate, and whether its camera is the known one.
CLIPS = {"beam_pan": (60.0, True), "runner": (100.0, False), "walk": (52.0, False)}


def frames_of(video: Path, numbers: list[int]):
    """Those frames of a video, RGB."""
    import av

    with av.open(str(video)) as container:
        wanted = {}
        for number, frame in enumerate(container.decode(video=0)):
            if number in numbers:
                wanted[number] = frame.to_ndarray(format="rgb24")
    return [wanted[number] for number in numbers]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recipe", default="paper")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--clips", default=",".join(CLIPS))
    parser.add_argument("--overlay", type=Path)
    args = parser.parse_args()
    registry = Registry.load()
    print(f"torch {torch.__version__}, cpu, seed 0, recipe {args.recipe} {args.settings}\n")
    for name in args.clips.split(","):
        fps, known = CLIPS[name]
        settings = ["initializer=landmarks", f"input.fps={fps}", f"camera={'gt' if known else 'given'}", *args.settings]
        recipe = recipes.parse(recipes.assign(recipes.load(args.recipe, registry.recipes), settings))
        out = args.overlay / name if args.overlay else Path("runs") / "real" / name
        path = args.folder / f"{name}.landmarks.npz"
        run = Run((path,), recipe, registry, out, device="cpu", overwrite=True)
        (result,) = execute(run, lambda *_: None)
        print(
            f"## {name}, {result.clip.num_frames} frames at {fps:.0f} fps, {result.status}, "
            f"{sum(result.provenance['seconds'].values()):.0f} s\n\n| | before | after |\n|---|---|---|"
        )
        for metric, before in result.metrics.get("initial", {}).items():
            print(f"| {metric} | {before:.1f} | {result.metrics['final'][metric]:.1f} |")
        for row, (before, after) in quality(result).items():
            print(f"| {row} | {before:.2f} | {after:.2f} |")
        print(flush=True)
        draw_result(result, out / "picture.png", result.clip.truth)
        if args.overlay:
            numbers = pick_frames(result.clip.num_frames, 6)
            draw_overlay(
                frames_of(args.folder / f"{name}.mp4", numbers),
                pixels_of(result.joints, result.camera)[numbers],
                args.overlay / f"{name}.png",
                initial=pixels_of(result.initial_joints, result.initial_camera)[numbers],
                keypoints=result.clip.observations.keypoints[numbers].numpy(),
            )


if __name__ == "__main__":
    main()
