"""What the HuMoR tests share: a small weight file, a walk, motion shards."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix, matrix_to_axis_angle
from diffopt_core.data.skeleton import JOINT
from diffopt_core.parts.demo_motion import walk as gait
from diffopt_priors.humor import weights
from diffopt_priors.humor.network import SCALES, HuMoR
from diffopt_priors.train.humor.trainer import hidden
from prior_cases import OFFSETS, motion, rest_joints
from torch import Tensor


def tiny_model(seed: int = 1) -> HuMoR:
    """A small network with random weights."""
    torch.manual_seed(seed)
    return HuMoR(hidden(32)).eval().requires_grad_(False)


def tiny_file(folder: Path) -> Path:
    """A small random weight file with its card."""
    path = folder / "tiny.safetensors"
    card = {"name": "tiny", "fps": 30.0, "root_offset": [0.0, 0.0, 0.0], "scales": SCALES, "terms": []}
    weights.save(path, tiny_model().state_dict(), card)
    return path


def walk(frames: int, fps: float = 30.0, speed: float = 1.2) -> tuple[Tensor, Tensor]:
    """A plain walk along +Z: pose ``[1 T 24 3 3]`` and pelvis ``[1 T 3]``, m. Feet slide; shape is what counts."""
    time = torch.arange(frames) / fps
    swing = 0.4 * torch.sin(6.2832 * time)
    angle = torch.zeros(frames, 24, 3)
    angle[:, JOINT["left_hip"], 0], angle[:, JOINT["right_hip"], 0] = swing, -swing
    angle[:, JOINT["left_knee"], 0], angle[:, JOINT["right_knee"], 0] = 0.3 - 0.3 * swing, 0.3 + 0.3 * swing
    angle[:, JOINT["left_shoulder"], 2], angle[:, JOINT["right_shoulder"], 2] = -1.2, 1.2
    root = torch.stack([0 * time, 0.92 + 0.01 * torch.cos(12.5664 * time), speed * time], -1)
    return axis_angle_to_matrix(angle)[None], root[None]


def shard(path: Path, clips: int = 3, frames: int = 80, **changes: object) -> None:
    """A synthetic motion shard; ``changes`` replace arrays, None drops one."""
    pose, trans = motion(clips, frames, seed=len(path.stem))
    arrays: dict[str, object] = {
        "poses": matrix_to_axis_angle(pose).flatten(0, 1).numpy(),
        "trans": trans.flatten(0, 1).numpy(),
        "starts": np.arange(clips + 1) * frames,
        "subjects": np.array([f"s{i % 2}" for i in range(clips)]),
        "flat_ground": np.ones(clips, bool),
        "fps": np.array(30),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{k: v for k, v in (arrays | changes).items() if v is not None})  # type: ignore[arg-type]


def gaits(path: Path) -> Path:
    """A shard of walks on sound ground: the demonstration's gait, on ``OFFSETS``, at five lengths of leg."""
    poses, trans, starts = [], [], [0]
    for size in (0.85, 0.93, 1.0, 1.08, 1.15):
        made = gait(size * rest_joints().double().numpy(), 150, 30.0)
        poses.append(matrix_to_axis_angle(made.pose))
        trans.append(made.trans / size)
        starts.append(starts[-1] + 150)
    shard(path, poses=torch.cat(poses).numpy(), trans=torch.cat(trans).numpy(), starts=np.array(starts),
          subjects=np.array([f"s{i}" for i in range(5)]), flat_ground=np.ones(5, bool))  # fmt: skip
    return path


def mocap(root: Path) -> Path:
    """A folder of shards: two for training, one held out, one that must not be read."""
    shard(root / "cmu_train.npz")
    shard(root / "style100" / "style100_train.npz")
    shard(root / "cmu_val.npz", clips=2)
    shard(root / "cmu_test.npz", poses=None)
    (root / "skeleton.json").write_text(json.dumps({"offsets": OFFSETS.tolist()}))
    return root
