"""Cameras of real videos: which model is chosen, on what evidence, how far from the truth, how long it takes.

    uv run python benchmarks/cameras.py FOLDER [--videos beam_pan,walk] [--colmap] [--sift]

FOLDER holds ``NAME.mp4``; ``NAME.landmarks.npz`` beside it gives keypoints that mask the person, ``NAME.truth.npz``
(``R_cw``, ``K``) the true rotation. Where there is a truth, the camera is found twice: with the true focal length
given, and with none. ``--colmap`` runs pycolmap on our tracks, too, ``--sift`` on its own features: slow. Seconds are
of the clock and of the processor: on a machine with neighbours they differ.
"""

from __future__ import annotations

import argparse
import logging
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import diffopt_core  # noqa: F401  (before torch: it keeps idle threads from spinning)
import numpy as np
import torch
from diffopt_core.data.rotation import geodesic
from diffopt_core.errors import DiffOptError
from diffopt_core.host.registry import Registry
from diffopt_core.perception.video import probe
from diffopt_core.types import CameraTrajectory, Clip, Observations, Video

SEED = 0


def clip_of(path: Path) -> Clip:
    """The whole video; no focal length."""
    found = probe(path)
    video = Video(path, tuple(range(found.count)), found.size, found.rotation)
    return Clip(path.stem, path, found.fps or 30.0, found.size, found.count, video=video)


def people_of(path: Path, clip: Clip) -> Observations:
    """Keypoints of a detector, where a file holds them."""
    if not path.exists():
        return Observations(torch.zeros(clip.num_frames, 33, 3), "blazepose33", torch.zeros(clip.num_frames).bool())
    with np.load(path) as arrays:
        marks = torch.from_numpy(arrays["landmarks_2d"]).float()
    seen = torch.cat([marks[..., :2], marks[..., 3:].clamp(0, 1)], -1)
    return Observations(seen, "blazepose33", torch.ones(len(seen)).bool())


def degrees_off(camera: CameraTrajectory, truth: Path) -> str:
    """Rotation against the truth, each relative to its first frame: mean and largest angle."""
    with np.load(truth) as arrays:
        true = torch.from_numpy(arrays["R_cw"]).double()
    found = camera.R.double()
    off = torch.rad2deg(geodesic(found @ found[:1].mT, true @ true[:1].mT))
    return f"{off.mean():.4f} / {off.max():.4f}"


def evidence(facts: dict) -> str:
    """What the model that was chosen rests on."""
    if "static" in facts and facts["model"] == "static":
        return "flow {flow_px} px, drift {drift_px} px".format(**facts["static"])
    if facts["model"] == "rotation":
        return "residual {residual_px} of {flow_px} px over 1 s".format(**facts["rotation"]["1s"])
    figures = facts.get("odometry", facts)
    text = "{points} points, {residual_px} px".format(**figures)
    if "parallax_deg" in figures:
        text += ", parallax {parallax_deg} deg".format(**figures)
    if "images" in facts:
        text += ", {registered_images} of {images} images registered".format(**facts)
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--videos", help="names, comma separated; all of the folder otherwise")
    parser.add_argument("--colmap", action="store_true")
    parser.add_argument("--sift", action="store_true")
    args = parser.parse_args()
    logging.getLogger("diffopt_cameras").setLevel(logging.ERROR)
    registry = Registry.load()
    ctx = registry.context(seed=SEED)
    sources = [("klt", {})]
    if args.colmap:
        sources.append(("colmap", {}))
    if args.sift:
        sources.append(("colmap", {"features": "sift", "at_most": 60}))
    packages = ("numpy", "scipy", "opencv-python-headless", "av", *(["pycolmap"] if args.colmap or args.sift else []))
    print(", ".join(f"{name} {version(name)}" for name in packages) + f", cpu, seed {SEED}\n")
    print(
        "| video | camera | model | evidence | frames with a pose | focal length | degrees off, mean / max | s, cpu s |"
    )
    print("|---|---|---|---|---|---|---|---|")
    names = args.videos.split(",") if args.videos else sorted(path.stem for path in args.folder.glob("*.mp4"))
    for name in names:
        clip = clip_of(args.folder / f"{name}.mp4")
        seen = people_of(args.folder / f"{name}.landmarks.npz", clip)
        truth = args.folder / f"{name}.truth.npz"
        clips = [clip]
        if truth.exists():
            with np.load(truth) as arrays:
                clips.insert(0, replace(clip, focal=float(arrays["K"][0, 0]), focal_from="the truth"))
        for source, options in sources:
            for each in clips:
                row(name, ctx.build("camera", source, options), source, options, each, seen, truth)


def row(name: str, camera_source, source: str, options: dict, clip: Clip, seen: Observations, truth: Path) -> None:
    """Run and print."""
    clock, cpu = time.perf_counter(), time.process_time()
    label = " ".join([source, *map(str, options.values())])
    try:
        camera = camera_source.trajectory(clip, seen)
    except DiffOptError as error:
        said = str(error).removeprefix(f"{clip.path}: ")
        spent = f"{time.perf_counter() - clock:.0f} / {time.process_time() - cpu:.0f}"
        print(f"| {name} | {label} | refused | {said} | | | | {spent} |", flush=True)
        return
    spent = f"{time.perf_counter() - clock:.0f} / {time.process_time() - cpu:.0f}"
    facts = camera.facts
    posed = f"{1 - (0 if camera.filled is None else int(camera.filled.sum())) / clip.num_frames:.0%}"
    off = degrees_off(camera, truth) if truth.exists() else ""
    print(
        f"| {name} | {label} | {facts['model']} | {evidence(facts)} | {posed} | {facts['focal_from'].split(':')[0]} "
        f"| {off} | {spent} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
