"""What the tests of initializer ``lift`` share: small motion shards, and simulated windows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from diffopt_core.host.train import shards
from diffopt_inits.lift.inputs import Evidence, Frame
from diffopt_inits.lift.train.evidence import Target, observe
from diffopt_inits.lift.train.motion import Motion, perform
from diffopt_inits.lift.train.noise import Dice
from diffopt_inits.lift.train.settings import CameraSettings, DetectorSettings, LiftSettings

#: A T-pose of about 1.7 m, offsets to the parents, m.
OFFSETS = torch.tensor([
    [0.0, 0.0, 0.0], [0.07, -0.09, -0.01], [-0.07, -0.09, -0.01], [0.0, 0.11, -0.03], [0.04, -0.38, -0.01],
    [-0.04, -0.38, -0.01], [0.0, 0.135, 0.0], [-0.015, -0.4, -0.04], [0.015, -0.4, -0.04], [0.0, 0.05, 0.025],
    [0.03, -0.05, 0.12], [-0.03, -0.05, 0.12], [0.0, 0.21, -0.04], [0.08, 0.12, -0.04], [-0.08, 0.12, -0.04],
    [0.0, 0.065, 0.05], [0.09, 0.03, -0.01], [-0.09, 0.03, -0.01], [0.26, -0.01, -0.02], [-0.26, -0.01, -0.02],
    [0.25, 0.01, 0.0], [-0.25, 0.01, 0.0], [0.08, -0.01, -0.01], [-0.08, -0.01, -0.01],
])  # fmt: skip

#: A detector that is never wrong and misses nothing.
PERFECT = DetectorSettings(
    sd=(1e-7, 2e-7), outliers=0, hidden_sd=0, places_sd=0, no_face=0, no_eyes=0, no_feet=0, no_leg=0, no_legs=0,
    no_arm=0, gaps=0, swapped=0,
)  # fmt: skip
#: An image that everything falls into, and a focal length that is known.
WIDE = CameraSettings(focal_sd=0.0, turning_walk=0.0, turning_white=0.0, half_width=(9, 10), half_height=(9, 10))


def shard(path: Path, clips: int = 3, frames: int = 260, seed: int = 0) -> Path:
    """A motion shard: people who sway, swing their limbs and walk a line, 30 fps."""
    draw = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None] / 30
    poses, trans = [], []
    for _ in range(clips):
        pace, size = draw.uniform(1, 4, (1, 24, 3)), draw.uniform(0, 0.25, (1, 24, 3))
        poses.append(size * np.sin(pace * time + draw.uniform(0, 6, (1, 24, 3))))
        trans.append(np.array([0, 0.92, 0]) + draw.uniform(-1, 1, (1, 3)) * [1, 0, 1] * time[:, 0])
    np.savez(
        path, poses=np.concatenate(poses).astype(np.float32), trans=np.concatenate(trans).astype(np.float32),
        starts=np.arange(clips + 1) * frames, fps=np.array(30.0),
    )  # fmt: skip
    return path


def data(folder: Path) -> Path:
    """A folder that ``diffopt train lift`` reads."""
    folder.mkdir(parents=True)
    shard(folder / "cmu_train.npz")
    shard(folder / "cmu_val.npz", seed=1)
    (folder / "skeleton.json").write_text(json.dumps({"offsets": OFFSETS.tolist()}))
    return folder


def windows(folder: Path, seed: int = 0, **changes: object) -> tuple[Motion, Evidence, Frame, Target, Dice]:
    """Windows of 16 frames, as training draws them."""
    clips = shards.read([shard(folder / "cmu_train.npz")])
    generator = torch.Generator().manual_seed(seed)
    settings = replace(LiftSettings(), **changes)  # type: ignore[arg-type]
    dice = Dice(torch.full((6,), 30.0), 16, generator)
    motion = perform(clips, OFFSETS, dice, settings.motion, generator)
    return motion, *observe(motion, dice, settings), dice
