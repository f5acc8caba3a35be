"""What training adds to recorded motion stays what a body can do."""

from __future__ import annotations

import math

import pytest
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix, matrix_to_columns
from diffopt_core.data.skeleton import JOINT
from diffopt_core.host.train import windows
from diffopt_core.host.train.shards import Clips
from diffopt_priors.train.mdm.objective import Augmented, airborne, broaden, mix, tempo
from prior_cases import OFFSETS

FRAMES = 200
LEGS = [JOINT[f"{side}_{part}"] for side in ("left", "right") for part in ("hip", "knee", "ankle", "foot")]


def clips(height: torch.Tensor) -> Clips:
    """One clip of a T-pose whose toes are ``height`` (frames) above the floor, walking along x by 1 cm per frame."""
    d6 = matrix_to_columns(torch.eye(3).expand(FRAMES, 24, 3, 3))
    standing = -OFFSETS[[JOINT[n] for n in ("left_hip", "left_knee", "left_ankle", "left_foot")]].sum(0)[1]
    trans = torch.stack([0.01 * torch.arange(FRAMES), standing + height, torch.zeros(FRAMES)], -1)
    return Clips(d6, trans, torch.tensor([0]), torch.tensor([FRAMES]), torch.ones(1), 30.0, ("cmu_train.npz",))


def step_of(flying: bool, told: bool, rate: float) -> float:
    """Distance a frame, in units of the recorded one, of a drawn window."""
    made = Augmented(clips(torch.full((FRAMES,), 0.5 if flying else 0.0)), OFFSETS)
    generator = torch.Generator().manual_seed(0)
    _, root = made(8, 40, generator, torch.full((8,), rate), torch.full((8,), told))
    return float(root[:, 5:-5, 0].diff(dim=1).abs().mean() / 0.01)


def test_tempo_reaches_both_ends_and_no_further() -> None:
    rate = tempo(4000, torch.Generator().manual_seed(0))
    assert 0.6 <= rate.min() < 0.63 and 1.6 < rate.max() <= 1.7
    assert (rate == 1).float().mean() == pytest.approx(1 / 3, abs=0.03)


def test_in_the_air_is_what_leaves_the_floor() -> None:
    height = torch.zeros(FRAMES)
    height[50:60] = 0.3
    assert airborne(clips(height), OFFSETS).nonzero().squeeze(1).tolist() == list(range(50, 60))


def test_gravity_keeps_the_tempo_of_who_is_in_the_air() -> None:
    assert step_of(flying=False, told=False, rate=0.6) == pytest.approx(0.6, abs=0.01)
    assert step_of(flying=True, told=False, rate=0.6) == pytest.approx(1 - windows.SPEED, abs=0.01)
    assert step_of(flying=True, told=False, rate=1.7) == pytest.approx(1 + windows.SPEED, abs=0.01)
    assert step_of(flying=True, told=True, rate=0.6) == pytest.approx(0.6, abs=0.01)


def test_other_postures_leave_the_legs_alone() -> None:
    pose = torch.eye(3).expand(64, 30, 24, 3, 3)
    changed = broaden(pose, torch.Generator().manual_seed(0))
    torch.testing.assert_close(changed[:, :, [0, *LEGS]], pose[:, :, [0, *LEGS]])
    moved = (changed - pose).flatten(1).abs().amax(1) > 1e-3
    assert 16 < moved.sum() < 48
    # Slow: at most one period a window.
    assert (changed[:, 1:] - changed[:, :-1]).abs().max() < math.radians(15)


def test_arms_are_lent_only_to_those_in_step() -> None:
    time = torch.linspace(0, 4 * math.pi, 60)
    angles = torch.zeros(2, 60, 24, 3)
    for clip, sign in enumerate((1.0, 1.0)):
        angles[clip, :, JOINT["left_hip"], 0] = sign * 0.4 * time.sin()
        angles[clip, :, JOINT["right_hip"], 0] = -sign * 0.4 * time.sin()
    angles[1, :, JOINT["left_elbow"], 1] = 1.0
    against = angles.clone()
    against[1, :, [JOINT["left_hip"], JOINT["right_hip"]]] *= -1
    elbow = JOINT["left_elbow"]
    for each, lent in ((angles, True), (against, False)):
        pose = axis_angle_to_matrix(each)
        found = [mix(pose, torch.Generator().manual_seed(seed)) for seed in range(20)]
        assert any(not torch.equal(made[0, :, elbow], pose[0, :, elbow]) for made in found) == lent
        assert all(torch.equal(made[:, :, LEGS], pose[:, :, LEGS]) for made in found)
