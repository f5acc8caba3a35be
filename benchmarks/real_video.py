"""Real videos through the whole walk, from the landmarks of a detector.

    uv run python benchmarks/real_video.py FOLDER [--recipe standing-camera] [--clips beam_pan] [--overlay OUT]

FOLDER holds ``beam_pan``, ``runner`` and ``walk`` as ``.landmarks.npz`` (``docs/formats.md``). ``beam_pan`` has a truth
from four calibrated views (12 limb joints) and a known camera; the other two are slow motion, so their true frame rate
is given here. Prints each named protocol, speed, foot skate and reprojection, before and after; and for the clip with
a truth the detector's 3D landmarks by themselves. ``--overlay`` draws the recovered body on frames of the ``.mp4``.

Two protocols compare the landmarks, the initializer and the full run on the same 12 joints, mm: ``pa_mpjpe``, a
similarity fitted in every frame; and ``camera_pelvis``, hip-aligned in the camera's frame: joints of the estimate as
its own (final) camera sees them, true joints as the true camera does, each minus the middle of its hips, nothing else
removed. Landmarks are in camera axes already.

``--rotation-only DEGREES`` replaces ``beam_pan``'s known camera by what a rotation-only camera source would give: its
rotations about the first camera with a slow error of that size, no place, no vertical, a focal length 3 % too long.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import diffopt_core  # noqa: F401  (before torch: it keeps idle threads from spinning)
import numpy as np
import torch
from diffopt_core.data.geometry import align, transform, world_to_camera
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.host import recipe as recipes
from diffopt_core.host.registry import Registry
from diffopt_core.parts.metrics.quality import quality
from diffopt_core.results.run import Run, execute
from diffopt_core.types import Clip
from diffopt_lab.picture import draw_overlay, draw_result, pick_frames, pixels_of

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


def both_protocols(mine: torch.Tensor, true: torch.Tensor, hips: list[int]) -> dict[str, float]:
    """Errors of joints ``[T J 3]`` in the camera's frame under both protocols, mm, mean over the frames."""
    mine, true = mine.double(), true.double()
    moved = transform(mine, *align(mine, true, scale=True))
    away = (mine - mine[:, hips].mean(1, keepdim=True)) - (true - true[:, hips].mean(1, keepdim=True))
    return {
        "pa_mpjpe": float((moved - true).norm(dim=-1).mean() * 1000),
        "camera_pelvis": float(away.norm(dim=-1).mean() * 1000),
    }


def landmarks_alone(clip: Clip) -> dict[str, float]:
    """Error of the detector's 3D landmarks under both protocols, mm, mean over the frames."""
    truth, seen = clip.truth, clip.observations
    assert truth is not None and truth.camera is not None and truth.index is not None
    assert seen is not None and seen.landmarks is not None
    true = world_to_camera(truth.joints, truth.camera.R, truth.camera.t)
    hips = [truth.index.index(point) for point in (23, 24)]
    return both_protocols(seen.landmarks[:, list(truth.index), :3], true, hips)


def rotation_only(folder: Path, name: str, degrees: float, out: Path) -> Path:
    """The clip's files with a camera that a rotation-only source might have found; returns the landmarks file."""
    arrays, truth = (dict(np.load(folder / f"{name}.{part}.npz")) for part in ("landmarks", "truth"))
    R, draw = truth["R_cw"], np.random.default_rng(0)
    time = np.arange(len(R)) / len(R)
    phase = draw.uniform(0, 2 * np.pi, 3)
    error = np.radians(degrees) * (np.sin(2 * np.pi * time[:, None] + phase) - np.sin(phase))
    width = float(arrays["image_size"][0])
    arrays |= {
        "key_R": axis_angle_to_matrix(torch.from_numpy(error)).numpy() @ R @ R[0].T,
        "key_C": np.zeros((len(R), 3)),
        "key_names": np.array([f"{frame:06d}" for frame in range(len(R))]),
        "key_focal": np.array(1.03 * truth["K"][0, 0] * 960 / width),
    }
    np.savez(out / f"{name}.landmarks.npz", **arrays)
    np.savez(out / f"{name}.truth.npz", **truth)
    return out / f"{name}.landmarks.npz"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recipe", default="paper")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--clips", default=",".join(CLIPS))
    parser.add_argument("--overlay", type=Path)
    parser.add_argument("--rotation-only", type=float, metavar="DEGREES")
    args = parser.parse_args()
    registry = Registry.load()
    print(f"torch {torch.__version__}, cpu, seed 0, recipe {args.recipe} {args.settings}\n")
    for name in args.clips.split(","):
        fps, known = CLIPS[name]
        estimated = known and args.rotation_only is not None
        camera = "gt" if known and not estimated else "given"
        roles = ["detector=given", "initializer=landmarks", f"camera={camera}", f"input.fps={fps}"]
        protocols = ["pa_mpjpe", "camera_pelvis", "rigid_clip", "first_frame", "W-MPJPE100", "WA-MPJPE100", "RTE",
                     "mpjpe_rigid", "jitter"]  # fmt: skip
        settings = [*roles, f"metrics={protocols}", *args.settings]
        recipe = recipes.parse(recipes.assign(recipes.load(args.recipe, registry.recipes), settings))
        out = args.overlay / name if args.overlay else Path("runs") / "real" / name
        path = args.folder / f"{name}.landmarks.npz"
        if estimated:
            path = rotation_only(args.folder, name, args.rotation_only, Path(tempfile.mkdtemp()))
        run = Run((path,), recipe, registry, out, device="cpu", overwrite=True)
        (result,) = execute(run, lambda *_: None)
        print(
            f"## {name}, {result.clip.num_frames} frames at {fps:.0f} fps, camera {camera}, {result.status}, "
            f"{sum(result.provenance['seconds'].values()):.0f} s\n\n"
            "| | landmarks | initializer | full run |\n|---|---|---|---|"
        )
        alone = landmarks_alone(result.clip) if result.clip.truth else {}
        for metric, before in result.metrics.get("initial", {}).items():
            raw = f"{alone[metric]:.1f}" if metric in alone else ""
            print(f"| {metric} | {raw} | {before:.1f} | {result.metrics['final'][metric]:.1f} |")
        for row, (before, after) in quality(result).items():
            print(f"| {row} | | {before:.2f} | {after:.2f} |")
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
