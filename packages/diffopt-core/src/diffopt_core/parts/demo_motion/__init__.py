"""The demonstration: a person starts walking, walks a curve and speeds up. All numbers are synthetic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ...data.geometry import forward_kinematics
from ...data.skeleton import JOINT, PARENTS
from ...types import Clip, HumanMotion, Truth
from .walk import SOLE, Array, walk

if TYPE_CHECKING:
    from ...interfaces import Body

__all__ = ["FPS", "FRAMES", "demo_case", "demo_clip", "walk", "write_demo"]

FRAMES, FPS = 100, 30.0


def demo_clip(body: Body | None = None, frames: int = FRAMES, fps: float = FPS) -> Clip:
    """The motion of a body (by default the embedded mesh), as a clip that holds only its truth."""
    if body is None:
        from ..bodies.anny24 import load

        body = load()
    betas = torch.zeros(1, 10)
    rest = body.rest_joints(betas)[0]
    motion = walk(rest.double().numpy(), frames, fps, _sole(body))
    motion = HumanMotion(motion.pose, motion.trans, motion.betas, body.name)
    joints = forward_kinematics(motion.pose, rest, PARENTS)[1] + motion.trans[:, None]
    return Clip("demo", None, fps, (0, 0), frames, rest_joints=rest, truth=Truth(joints, motion=motion))


def demo_case(seed: int = 0) -> tuple[dict[str, Array], dict[str, Array]]:
    """Case and truth of the demonstration, made by the simulator."""
    from ..bodies.anny24 import load
    from ..datasets.configs import KeypointSettings, SimulatorSettings
    from ..datasets.simulator.simulate import simulate

    body = load()
    # The embedded mesh has a face, so the detector may give face points.
    settings = SimulatorSettings(keypoints=KeypointSettings(face=True))
    return simulate(demo_clip(body), settings, seed, body)


def write_demo(path: Path, seed: int = 0) -> Path:
    """The demonstration as a case file, its truth beside it under ``truth/``; returns the case."""
    from ..datasets.case_file import write_case

    return write_case(path, *demo_case(seed))[0]


def _sole(body: Body) -> float:
    """Height of the toe joints above the lowest point of the body in the rest pose, m."""
    from ...interfaces import MeshBody

    if not isinstance(body, MeshBody):
        return SOLE
    still = HumanMotion(torch.eye(3).expand(1, 1, 24, 3, 3), torch.zeros(1, 1, 3), torch.zeros(1, 10), body.name)
    toes = body.joints(still)[0, 0, [JOINT["left_foot"], JOINT["right_foot"]], 1]
    return float(toes.mean() - body.vertices(still)[..., 1].min())
