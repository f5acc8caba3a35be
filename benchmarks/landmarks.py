"""Initializer ``landmarks`` on clean landmarks of known motion: error of the pose, and frames per second.

    uv run python benchmarks/landmarks.py FOLDER [--shard cmu_val] [--steps 80] [--threads 2]

FOLDER holds motion capture on the SMPL tree (shards of ``poses``, ``trans``, ``starts``, ``names``, ``fps``). Each
clip poses the embedded body; its BlazePose points, seen by a camera that stands 5 m before the clip's middle, are the
landmarks: 3D about the middle of the hips, and 2D. PA-MPJPE: 24 joints, similarity fitted in every frame, mm.
Prints Markdown. ``--noise`` adds independent noise (m) to the 3D points and the pixels that it makes at 5 m.
"""

from __future__ import annotations

import argparse
import platform
import time
from pathlib import Path

import diffopt_core  # noqa: F401  (before torch: it keeps idle threads from spinning)
import numpy as np
import scipy
import torch
from diffopt_core.data.geometry import align, transform
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.host.registry import Registry
from diffopt_core.parts.bodies.anny24 import load
from diffopt_core.types import CameraTrajectory, Clip, Observations
from diffopt_inits.analytic import analytic_pose
from diffopt_inits.landmarks import LandmarksInitializerConfig
from diffopt_inits.rest import RestBody, rest_body
from torch import Tensor

SIZE, FOCAL, DISTANCE = (1920, 1080), 1500.0, 5.0
#: World (Y up) to a camera that looks along -Z: x right, y down, z forward.
LOOK = torch.diag(torch.tensor([1.0, -1.0, -1.0]))


def clips_of(shard: Path) -> list[tuple[str, Tensor, Tensor, float]]:
    """Name, local rotations ``[T 24 3 3]``, pelvis ``[T 3]`` and frame rate of each clip of at least 3 frames."""
    with np.load(shard, allow_pickle=False) as data:
        poses, trans, starts = data["poses"], data["trans"], data["starts"]
        names, fps = [str(name) for name in data["names"]], float(data["fps"])
    spans = zip(names, starts[:-1], starts[1:], strict=True)
    return [
        (name, axis_angle_to_matrix(torch.from_numpy(poses[a:b]).float()), torch.from_numpy(trans[a:b]).float(), fps)
        for name, a, b in spans
        if b - a >= 3
    ]


def seen(name: str, pose: Tensor, trans: Tensor, fps: float, rest: RestBody, noise: float) -> tuple[Clip, Tensor]:
    """What a perfect detector says of the clip, and its true joints (camera axes, about the pelvis, m)."""
    frames = len(pose)
    pose = torch.cat([(LOOK @ pose[:, 0]).unsqueeze(1), pose[:, 1:]], 1)
    path = trans @ LOOK.mT
    path = path - path.mean(0) + torch.tensor([0.0, 0.0, DISTANCE])
    path[:, 2] += (1.5 - path[:, 2].min()).clamp_min(0.0)
    _, joints, points = rest.pose(pose)
    draw = torch.Generator().manual_seed(0)
    points_3d = points + noise * torch.randn(points.shape, generator=draw)
    inside = points + path.unsqueeze(1)
    pixels = inside[..., :2] / inside[..., 2:] * FOCAL + torch.tensor(SIZE) / 2
    pixels = pixels + noise * FOCAL / DISTANCE * torch.randn(pixels.shape, generator=draw)
    ones = torch.ones(frames, 33, 1)
    observations = Observations(
        keypoints=torch.cat([pixels, ones], -1),
        layout="blazepose33",
        valid=torch.ones(frames, dtype=torch.bool),
        landmarks=torch.cat([points_3d - points_3d[:, 23:25].mean(1, keepdim=True), ones], -1),
        landmark_layout="blazepose33",
    )
    camera = CameraTrajectory(
        R=torch.eye(3).expand(frames, 3, 3),
        t=torch.zeros(frames, 3),
        focal=torch.full((frames, 2), FOCAL),
        centre=(torch.tensor(SIZE) / 2).expand(frames, 2),
    )
    return Clip(name, None, fps, SIZE, frames, observations, None, camera), joints


def error_mm(pred: Tensor, true: Tensor) -> Tensor:
    """PA-MPJPE of each frame, mm."""
    moved = transform(pred.double(), *align(pred.double(), true.double(), scale=True))
    return (moved - true).norm(dim=-1).mean(-1) * 1000


def now() -> np.ndarray:
    """Wall and CPU seconds: on a machine that others use, the second says what an idle one would do."""
    return np.array([time.perf_counter(), time.process_time()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shard", default="cmu_val")
    parser.add_argument("--steps", type=int, default=LandmarksInitializerConfig().steps)
    parser.add_argument("--noise", type=float, default=0.0)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    body = load()
    rest = rest_body(body, None)
    initializer = Registry.load().context().build("initializer", "landmarks", steps=args.steps)
    clips = [seen(*clip, rest, args.noise) for clip in clips_of(args.folder / f"{args.shard}.npz")]
    frames = sum(clip.num_frames for clip, _ in clips)
    warm = clips[0][0]
    assert warm.camera is not None and warm.observations is not None
    initializer.initialize(warm, warm.observations, warm.camera)
    rows: dict[str, tuple[float, float, dict[str, Tensor]]] = {}

    with torch.no_grad():
        began, errors = now(), {}
        for clip, true in clips:
            points = clip.observations.landmarks[..., :3]
            errors[clip.name] = error_mm(rest.pose(analytic_pose(points, rest))[1], true)
        rows["closed form alone"] = (*(now() - began), errors)

        found, began = {}, now()
        for clip, _ in clips:
            found[clip.name] = initializer.initialize(clip, clip.observations, clip.camera)
        seconds, errors = now() - began, {}
        for clip, true in clips:
            out = found[clip.name]
            pose = torch.cat([out.global_orient.unsqueeze(1), out.body_pose], 1)
            errors[clip.name] = error_mm(rest.pose(pose)[1], true)
        rows[f"initializer, {args.steps} steps"] = (*seconds, errors)

    print(
        f"torch {torch.__version__}, numpy {np.__version__}, scipy {scipy.__version__}, {platform.machine()}, "
        f"{args.threads} threads; {args.shard}: {len(clips)} clips, {frames} frames, noise {args.noise * 1000:.0f} mm\n"
    )
    print("| | frames/s | frames per CPU second | PA-MPJPE mean, mm | median | worst clip |\n|---|---|---|---|---|---|")
    for label, (wall, cpu, errors) in rows.items():
        every = torch.cat(list(errors.values()))
        worst = max(errors, key=lambda name: float(errors[name].mean()))
        print(
            f"| {label} | {frames / wall:.0f} | {frames / cpu:.0f} | {every.mean():.1f} | {every.median():.1f} "
            f"| {errors[worst].mean():.1f} ({worst}) |"
        )


if __name__ == "__main__":
    main()
