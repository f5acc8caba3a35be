"""Initializer ``lift`` on simulated cases with truth: errors, speed, calibration of its variances, frames per second.

    uv run python benchmarks/lift.py FOLDER... [--weights open] [--fuse given] [--actions] [--calibrate]

Each FOLDER is one of ``diffopt simulate`` (cases, ``truth/``, ``index.json``). Prints Markdown: a row a folder, and
with ``--actions`` a row an action (``dataset-2_walk-turn-left_…`` is ``walk-turn-left``; CMU's ``13_07`` is ``13``).

- MPJPE: 24 joints about the pelvis, camera frame, mm. PA: with a similarity fitted in every frame.
- up: angle of the vertical, a frame, and of the clip's one vertical (weighted by its variances in the camera's world).
- speed: mean horizontal speed over the true one, median of clips above 0.5 m/s, and the spread of its log.
- depth: that of the pelvis over the true one, median.
- inside: share of frames (joints, axes) whose truth lies in the 90 % interval.
- ``start``: the same of the case's own regressor.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import diffopt_core  # noqa: F401  (before torch: it keeps idle threads from spinning)
import numpy as np
import torch
from diffopt_core.data.geometry import align, forward_kinematics, heading, transform
from diffopt_core.data.skeleton import PARENTS
from diffopt_core.host.registry import Registry
from diffopt_core.parts.datasets.case_file import read_case
from diffopt_core.types import CameraFrameBody, Clip
from diffopt_inits.lift.config import LIFT, LiftConfig
from diffopt_inits.lift.initializer import Lifted, LiftInitializer
from diffopt_inits.lift.train.motion import speed_of
from diffopt_inits.lift.train.quality import RADIUS, angle
from torch import Tensor

#: Slower clips have no speed to take a ratio of, m/s.
_TRAVELS = 0.5


def action(clip: str) -> str:
    return clip.split("_")[1] if clip.startswith("dataset") else clip.split("_")[0]


def posed(clip: Clip, orient: Tensor, pose: Tensor) -> Tensor:
    """24 joints about the pelvis, m, on the clip's skeleton."""
    assert clip.rest_joints is not None
    rest = clip.rest_joints.expand(len(pose), -1, -1)
    return forward_kinematics(torch.cat([orient.unsqueeze(1), pose], 1), rest, PARENTS)[1]


def errors(made: Tensor, true: Tensor) -> tuple[float, float]:
    """MPJPE and PA-MPJPE, mm."""
    pa = transform(made, *align(made, true, scale=True))
    return tuple(1000 * float((x - true).norm(dim=-1).mean()) for x in (made, pa))  # type: ignore[return-value]


def measure(clip: Clip, lifted: Lifted, body: CameraFrameBody) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Figures of one case; and of each output the errors over the radii that should hold 90 % of them."""
    truth = clip.truth
    assert truth is not None and truth.motion is not None and truth.camera is not None and clip.camera is not None
    R, motion = truth.camera.R, truth.motion
    about = (truth.joints - truth.joints[:, :1]) @ R.mT
    orient = R @ motion.pose[:, 0]
    mpjpe, pa = errors(posed(clip, body.global_orient, body.body_pose), about)
    up, weight = R[..., 1], 1 / lifted.up_var
    world = (clip.camera.R.mT @ lifted.up.unsqueeze(-1)).squeeze(-1)
    one = torch.nn.functional.normalize((weight.unsqueeze(-1) * world).sum(0), dim=-1)
    at = clip.camera.R @ one
    fps = torch.tensor([clip.fps])
    axes = heading(motion.pose[:, 0, :, 0], torch.tensor([0.0, 1.0, 0.0]).expand(len(R), 3))
    velocity = (axes @ speed_of(motion.trans[None], fps)[0].unsqueeze(-1)).squeeze(-1)
    walked = float(velocity[:, [0, 2]].norm(dim=-1).mean())
    pelvis = (R @ motion.trans.unsqueeze(-1)).squeeze(-1) + truth.camera.t
    turned = torch.cat([orient.unsqueeze(1), motion.pose[:, 1:22]], 1)
    apart = 2 * ((lifted.rotations - turned).square().sum((-1, -2)) / 8).clamp(max=1).sqrt().asin()
    ray = lifted.transl[:, :2] / lifted.transl[:, 2:] - pelvis[:, :2] / pelvis[:, 2:]
    deep = (lifted.transl[:, 2] / pelvis[:, 2]).log()
    turned_by = apart / (RADIUS[3] * lifted.rotations_var.sqrt())
    ratios = {
        "root": turned_by[:, 0],
        "pose": turned_by[:, 1:].flatten(),
        "up": angle(lifted.up, up) / (RADIUS[2] * lifted.up_var.sqrt()),
        "velocity": ((lifted.velocity - velocity).abs() / (RADIUS[1] * lifted.velocity_var.sqrt())).flatten(),
        "depth": deep.abs() / (RADIUS[1] * lifted.depth_var.sqrt()),
        "ray": ray.norm(dim=-1) / (RADIUS[2] * lifted.ray_var.sqrt()),
    }
    figures = {
        "mpjpe": mpjpe,
        "pa": pa,
        "up": float(angle(lifted.up, up).rad2deg().mean()),
        "up_clip": float(angle(at, up).rad2deg().mean()),
        "walked": walked,
        "speed": float(lifted.velocity[:, [0, 2]].norm(dim=-1).mean()) / max(walked, 1e-6),
        "depth": float(deep.median().exp()),
    }
    return figures | {f"inside.{name}": float((ratio <= 1).float().mean()) for name, ratio in ratios.items()}, ratios


def start(clip: Clip) -> dict[str, float]:
    """The regressor's figures."""
    assert clip.body is not None and clip.truth is not None and clip.truth.camera is not None
    about = (clip.truth.joints - clip.truth.joints[:, :1]) @ clip.truth.camera.R.mT
    mpjpe, pa = errors(posed(clip, clip.body.global_orient, clip.body.body_pose), about)
    return {"start_mpjpe": mpjpe, "start_pa": pa}


def row(name: str, cases: list[dict[str, float]]) -> str:
    """Means over cases, with medians in brackets."""

    def both(key: str) -> str:
        values = [case[key] for case in cases]
        return f"{np.mean(values):.1f} ({np.median(values):.1f})"

    moving = [case["speed"] for case in cases if case["walked"] > _TRAVELS]
    speed = f"{np.median(moving):.2f} ± {np.std(np.log(moving)):.2f}" if moving else "–"
    inside = [f"{100 * np.mean([case[k] for case in cases]):.0f}" for k in cases[0] if k.startswith("inside.")]
    cells = [name, str(len(cases)), both("start_mpjpe"), both("start_pa"), both("mpjpe"), both("pa"), both("up"),
             both("up_clip"), speed, f"{np.median([c['depth'] for c in cases]):.2f}", *inside]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--weights", default="open")
    parser.add_argument("--fuse", choices=["given"], default=None)
    parser.add_argument("--actions", action="store_true")
    parser.add_argument("--calibrate", action="store_true", help="write what would hold 90 %% into the weights' card")
    parser.add_argument("--json", type=Path, default=None)
    args = parser.parse_args()
    torch.set_num_threads(1)
    config = LiftConfig(weights=args.weights)
    initializer = LiftInitializer(config, Registry.load().context())
    heads = ["cases", "n", "start MPJPE", "start PA", "MPJPE", "PA", "up, frame", "up, clip", "speed", "depth",
             "in root", "in pose", "in up", "in speed", "in depth", "in ray"]  # fmt: skip
    print("| " + " | ".join(heads) + " |\n|" + " --- |" * len(heads))
    found: dict[str, dict[str, dict[str, float]]] = {}
    pooled: dict[str, list[Tensor]] = {}
    frames, seconds = 0, 0.0
    for folder in args.folders:
        index = {entry["case"]: entry for entry in json.loads((folder / "index.json").read_text())}
        cases: dict[str, dict[str, float]] = {}
        for name in sorted(index):
            clip = read_case(folder / f"{name}.npz")
            assert clip.observations is not None and clip.camera is not None
            began = time.process_time()
            body, lifted = initializer.both(clip, clip.observations, clip.camera, clip.body if args.fuse else None)
            seconds, frames = seconds + time.process_time() - began, frames + clip.num_frames
            figures, ratios = measure(clip, lifted, body)
            cases[name] = {**start(clip), **figures}
            for output, ratio in ratios.items():
                pooled.setdefault(output, []).append(ratio)
        found[folder.name] = cases
        print(row(folder.name, list(cases.values())))
        if args.actions:
            for label in sorted({action(index[name]["clip"]) for name in cases}):
                part = [case for name, case in cases.items() if action(index[name]["clip"]) == label]
                print(row(f"– {label}", part))
    print(f"\n{frames / max(seconds, math.ulp(1.0)):.0f} frames per second of one core")
    factors = {output: float(torch.cat(parts).quantile(0.9)) for output, parts in pooled.items()}
    inside = {output: float((torch.cat(parts) <= 1).float().mean()) for output, parts in pooled.items()}
    print("inside, all together: " + ", ".join(f"{output} {100 * share:.0f} %" for output, share in inside.items()))
    print("standard deviations that would hold 90 %: " + ", ".join(f"{o} x {k:.2f}" for o, k in factors.items()))
    if args.calibrate:
        path = LIFT.resolve(args.weights).with_suffix(".json")
        card = json.loads(path.read_text())
        card["calibration"] = {output: round(k * factors[output], 4) for output, k in card["calibration"].items()}
        card["calibrated_on"] = list(found)
        path.write_text(json.dumps(card, indent=1) + "\n")
        print(f"written into {path.name}")
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
