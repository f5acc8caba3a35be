"""Motions with known answers."""

import numpy as np
import pytest
import torch
from diffopt_core.data.geometry import forward_kinematics
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.data.skeleton import JOINTS, PARENTS
from diffopt_core.parts.metrics.evidence import ScoredMotion
from diffopt_core.parts.metrics.report import metrics_named, score
from diffopt_core.types import CameraTrajectory, HumanMotion

#: A plausible T-pose, metres, pelvis at the origin.
REST = torch.tensor(
    [
        [0, 0, 0], [0.07, -0.09, 0], [-0.07, -0.09, 0], [0, 0.11, -0.02], [0.1, -0.47, 0], [-0.1, -0.47, 0],
        [0, 0.25, 0], [0.09, -0.87, -0.03], [-0.09, -0.87, -0.03], [0, 0.3, 0.03], [0.11, -0.93, 0.09],
        [-0.11, -0.93, 0.09], [0, 0.51, -0.02], [0.08, 0.42, -0.01], [-0.08, 0.42, -0.01], [0, 0.6, 0.04],
        [0.17, 0.45, -0.02], [-0.17, 0.45, -0.02], [0.43, 0.44, -0.04], [-0.43, 0.44, -0.04],
        [0.68, 0.45, -0.04], [-0.68, 0.45, -0.04], [0.77, 0.44, -0.05], [-0.77, 0.44, -0.05],
    ],
    dtype=torch.float64,
)  # fmt: skip


def motion_of(frames: int, seed: int) -> HumanMotion:
    """A body that walks along +Z with joints turning at random but smoothly, and stops for frames 5 to 14 of 40."""
    rng = np.random.default_rng(seed)
    count = np.arange(frames)
    time = (count - 10 * (count // 40) - np.clip(count % 40 - 5, 0, 10)) / 30.0
    wave = rng.normal(0, 0.2, (24, 3)) * np.sin(4 * time[:, None, None] + rng.uniform(0, 6, (24, 3)))
    pose = axis_angle_to_matrix(torch.from_numpy(wave))
    trans = np.stack([0.2 * np.sin(time), 0.95 + 0.02 * np.sin(9 * time), 1.2 * time], axis=-1)
    return HumanMotion(pose, torch.from_numpy(trans), torch.zeros(10, dtype=torch.float64))


def joints_of(motion: HumanMotion) -> torch.Tensor:
    return forward_kinematics(motion.pose, REST, PARENTS)[1] + motion.trans[:, None]


@pytest.fixture(scope="session")
def rest():
    """The T-pose behind ``make``."""
    return REST


@pytest.fixture(scope="session")
def make():
    """``make(frames, seed)``: a ScoredMotion of two different motions, with one camera for both."""

    def build(frames: int = 60, seed: int = 0, fps: float = 30.0) -> ScoredMotion:
        true, pred = motion_of(frames, seed), motion_of(frames, seed + 1)
        R = axis_angle_to_matrix(torch.tensor([3.0, 0.2, 0.1], dtype=torch.float64)).expand(frames, 3, 3)
        t = torch.tensor([0.1, 0.9, 4.0], dtype=torch.float64).expand(frames, 3)
        unread = torch.full((frames, 2), torch.nan)
        camera = CameraTrajectory(R, t, unread, unread)
        return ScoredMotion(
            joints_of(pred), joints_of(true), fps, JOINTS,
            pred_motion=pred, true_motion=true, pred_camera=camera, true_camera=camera,
        )  # fmt: skip

    return build


@pytest.fixture(scope="session")
def frames_of():
    """``frames_of(scored, name)``: the per-frame values of one metric; fails with the reason if there are none."""

    def values(scored, name):
        report = score(scored, metrics_named([name]))
        assert name in report.frames, report.missing
        return report.frames[name]

    return values
