"""What the tests of this folder share: a small synthetic motion, per-clip noise."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.host.registry import Registry
from diffopt_core.interfaces import ProblemContext
from diffopt_core.types import CameraTrajectory, HumanMotion, Observations, Scene
from diffopt_priors.mdm import official
from diffopt_priors.mdm.features import kinematics
from diffopt_priors.mdm.network import MDM
from torch import Tensor

#: A plain T-pose, m, child minus parent; proportions of an adult, written for these tests.
OFFSETS = torch.tensor(
    [
        [0, 0, 0], [0.08, -0.09, 0], [-0.08, -0.09, 0], [0, 0.11, -0.02], [0.02, -0.39, 0], [-0.02, -0.39, 0],
        [0, 0.13, 0], [0, -0.41, -0.03], [0, -0.41, -0.03], [0, 0.06, 0.02], [0.02, -0.06, 0.13],
        [-0.02, -0.06, 0.13], [0, 0.21, -0.04], [0.08, 0.12, -0.03], [-0.08, 0.12, -0.03], [0, 0.08, 0.05],
        [0.1, 0.03, 0], [-0.1, 0.03, 0], [0.26, 0, -0.02], [-0.26, 0, -0.02], [0.25, 0, 0], [-0.25, 0, 0],
        [0.08, 0, -0.01], [-0.08, 0, -0.01],
    ]
)  # fmt: skip


def mdm_of(data: dict[str, Tensor], kind: str, **args: object) -> MDM:
    """The network of a golden, by the weights' own sizes; ``kind``: of its keys; ``args`` as args.json."""
    state = {k.removeprefix(f"{kind}/sd/"): v for k, v in data.items() if k.startswith(f"{kind}/sd/")}
    network = MDM(**official.network_settings(Path("golden.npz"), state, args))
    network.load_state_dict(state)
    return network.eval()


def motion(batch: int, frames: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Smooth walking-like motion: pose ``[B T 24 3 3]`` and pelvis ``[B T 3]``, m, 30 fps."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(frames, dtype=dtype)
    amplitude = 0.3 * torch.randn(batch, 1, 24, 3, generator=generator).to(dtype)
    phase = 2 * math.pi * torch.rand(batch, 1, 24, 3, generator=generator).to(dtype)
    angle = amplitude * torch.sin(0.2 * time[None, :, None, None] + phase)
    speed = 0.04 * torch.randn(batch, 1, generator=generator).to(dtype)
    height = 0.9 + 0.02 * torch.sin(0.4 * time).expand(batch, -1)
    root = torch.stack([0.3 * speed * time, height, speed * time], dim=-1)
    return axis_angle_to_matrix(angle), root


class Streams:
    """Noise with one generator per clip, as the host gives it to terms."""

    def __init__(self, seeds: list[int], dtype: torch.dtype = torch.float32) -> None:
        self.streams = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.dtype = dtype

    def normal(self, shape: tuple[int, ...]) -> Tensor:
        return torch.stack([torch.randn(shape, generator=g, dtype=self.dtype) for g in self.streams])

    def uniform(self, shape: tuple[int, ...]) -> Tensor:
        return torch.stack([torch.rand(shape, generator=g, dtype=self.dtype) for g in self.streams])


def tiny_card(**network: object) -> dict[str, object]:
    """Card of a small random network over the embedded features."""
    return {
        "fps": 30.0,
        "window": 24,
        "shortest": 8,
        "network": {"width": 16, "layers": 1, "heads": 2, "feedforward": 16, **network},
        "diffusion": {"schedule": "cosine", "steps": 1000},
        "skeleton": {"offsets": OFFSETS.tolist()},
        "mean": [0.0] * 263,
        "std": [1.0] * 263,
    }


def context(
    pose: Tensor, trans: Tensor, noise: Streams, fps: float = 30.0, rest: Tensor | None = None
) -> ProblemContext:
    """The context of a problem whose only content is a motion."""
    batch, frames = trans.shape[:2]
    eye = torch.eye(3).expand(batch, frames, 3, 3)
    pixels = torch.ones(batch, frames, 2)
    return ProblemContext(
        device=torch.device("cpu"),
        seed=0,
        host=Registry(),
        fps=fps,
        initial=HumanMotion(pose, trans, torch.zeros(batch, 10)),
        camera=CameraTrajectory(eye, torch.zeros(batch, frames, 3), pixels, pixels),
        observations=Observations(torch.zeros(batch, frames, 17, 3), "coco17", pixels[..., 0] > 0),
        rest_joints=rest,
        noise=noise,
    )


def scene(pose: Tensor, trans: Tensor, progress: float = 0.0) -> Scene:
    """A scene that holds a motion only."""
    ctx = context(pose, trans, Streams([0] * len(pose)))
    return Scene(HumanMotion(pose, trans, ctx.initial.betas), ctx.camera, torch.tensor(progress), {})


def rest_joints() -> Tensor:
    """T-pose joints of ``OFFSETS``, m, ``[24 3]``."""
    eye = torch.eye(3).expand(24, 3, 3)
    return kinematics(eye, torch.zeros(3), OFFSETS)
