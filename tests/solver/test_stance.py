"""A first unit for odometry: standing feet say how long its steps are."""

from __future__ import annotations

import pytest
import torch
from diffopt_core.data.geometry import heading, world_to_camera
from diffopt_core.parts.demo_motion import demo_case
from diffopt_core.solver.stance import stance_scale, with_speed_evidence
from diffopt_core.types import CameraTrajectory, HumanMotion, MotionEvidence


@pytest.fixture(scope="module")
def seen():
    """The demonstration's true joints in its true cameras, and the cameras' path in metres."""
    _, truth = demo_case(0)
    R, t = torch.tensor(truth["cam_R"]), torch.tensor(truth["cam_t"])
    joints = world_to_camera(torch.tensor(truth["joints"]), R, t)
    return joints[None], R[None], -(R.mT @ t.unsqueeze(-1)).squeeze(-1)[None]


@pytest.mark.parametrize("unit", [0.03, 1.0, 20.0])
def test_the_unit_is_found_whatever_it_was(seen, unit):
    joints, R, position = seen
    scale = stance_scale(joints, R, position / unit, torch.ones(joints.shape[:2]), 30.0)
    assert 0.7 < scale.item() / unit < 1.5


def test_every_clip_has_its_own(seen):
    joints, R, position = (torch.cat([x, x]) for x in seen)
    position = position * torch.tensor([1.0, 0.1])[:, None, None]
    scale = stance_scale(joints, R, position, torch.ones(joints.shape[:2]), 30.0)
    assert scale[1].item() == pytest.approx(10 * scale[0].item(), rel=0.05)


def test_a_camera_that_stands_has_no_unit(seen):
    joints, R, position = seen
    scale = stance_scale(joints, R, torch.zeros_like(position), torch.ones(joints.shape[:2]), 30.0)
    assert scale.item() == 1.0


def test_frames_without_the_person_say_nothing(seen):
    joints, R, position = seen
    trust = torch.ones(joints.shape[:2])
    trust[:, 40:60] = 0
    spoilt = joints.clone()
    spoilt[:, 40:60] += 3 * torch.randn(1, 20, 1, 3, generator=torch.Generator().manual_seed(0))
    scale = stance_scale(spoilt, R, position, trust, 30.0)
    assert 0.7 < scale.item() < 1.5


def test_frames_in_which_no_foot_stands_say_nothing(seen):
    """In flight both feet are carried on, here as if they stood by another scale of the camera's path."""
    joints, R, position = seen
    frames, contact = joints.shape[1], torch.ones(1, joints.shape[1], 4)
    flies = torch.zeros(1, frames, 1, 3)
    flies[:, 30:, 0] = 0.8 * (position[:, 30:31] - position[:, 30:])
    flown = joints + flies @ R.mT
    contact[:, 30:] = 0
    scales = [stance_scale(flown, R, position, torch.ones(1, frames), 30.0, contact=c).item() for c in (None, contact)]
    assert abs(scales[0] - 1) > 0.3 > 3 * abs(scales[1] - 1), scales


def test_legs_that_swing_too_little_in_depth_change_the_scale_less(seen, monkeypatch):
    joints, R, position = seen
    ray = torch.nn.functional.normalize(joints[:, :, :1], dim=-1)
    depth = ((joints - joints[:, :, :1]) * ray).sum(-1, keepdim=True)
    damped = joints - 0.3 * depth * ray

    def found() -> float:
        return stance_scale(damped, R, position, torch.ones(joints.shape[:2]), 30.0).item()

    with_ray = found()
    monkeypatch.setattr("diffopt_core.solver.stance.RAY", 1.0)
    assert abs(with_ray - 1) < 0.7 * abs(found() - 1), (with_ray, found())


def test_noise_in_the_poses_is_answered_by_a_milder_measure(seen):
    """Feet that jitter make the ratio of speeds ask for too much travel; more noise of the pelvis asks for less."""
    joints, R, position = seen
    noisy = joints + 0.03 * torch.randn(joints.shape, generator=torch.Generator().manual_seed(1))
    trust = torch.ones(joints.shape[:2])
    ratio = stance_scale(noisy, R, position, trust, 30.0)
    milder = stance_scale(noisy, R, position, trust, 30.0, pelvis_noise=1.0)
    assert milder.item() < ratio.item()
    assert 0.7 < milder.item() < 1.4


def standing(seed: int, depth: float = 0.06) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Somebody who stands, 4 m from a camera that is held in the hand, with depths wrong now and then."""
    g = torch.Generator().manual_seed(seed)
    walk = torch.nn.functional.interpolate(torch.randn(1, 4, 14, generator=g), size=100, mode="linear")[0].T
    position = 0.04 * walk[:, :3]
    joints = torch.tensor([0.0, 0.0, 4.0]) + 0.4 * torch.randn(24, 3, generator=g) - position.unsqueeze(1)
    return (joints * (1 + depth * walk[:, 3, None, None]))[None], torch.eye(3).expand(1, 100, 3, 3), position[None]


def test_the_path_does_not_vanish_where_depths_are_noisier_than_it_is_long(monkeypatch):
    def found() -> list[float]:
        made = [standing(seed, 0.03) for seed in range(8)]
        return [stance_scale(*each, torch.ones(1, 100), 30.0, pelvis_noise=0.2).item() for each in made]

    kept = found()
    assert min(kept) > 0.6
    monkeypatch.setattr("diffopt_core.solver.stance.UNLIKELY", 0.0)
    assert min(found()) < 0.5


def test_a_known_unit_changes_less_where_the_feet_say_little():
    def away(known: bool) -> float:
        made = [standing(seed) for seed in range(8)]
        found = [stance_scale(*each, torch.ones(1, 100), 30.0, pelvis_noise=0.2, known=known) for each in made]
        return float(torch.cat(found).log().abs().mean())

    assert away(known=True) < 0.7 * away(known=False)


@pytest.mark.parametrize(("sd", "nearness"), [(0.01, 0.02), (100.0, 0.5)])
def test_a_told_speed_mends_the_scale_as_far_as_it_is_sure(seen, sd, nearness):
    """The true speed, told surely, brings a wrong scale to the true one; told unsurely, it changes nothing."""
    _, truth = demo_case(0)
    joints, R, position = seen
    frames = joints.shape[1]
    pelvis, trans = joints[:, :, 0], torch.tensor(truth["joints"])[None, :, 0]
    root, up = R[:, :, :, :], torch.tensor([[0.0, 1.0, 0.0]])  # a body that faces as the world does
    velocity = torch.cat([trans.diff(dim=1)[:, :1], trans.diff(dim=1)], 1) * 30.0
    left = (R.mT @ root)[..., 0]
    told = (heading(left, up.unsqueeze(1).expand_as(left)) @ velocity.unsqueeze(-1)).squeeze(-1)
    one = torch.ones(1, frames)
    evidence = MotionEvidence(
        up=told, up_var=one, velocity=told, velocity_var=torch.full_like(told, sd**2),
        contact=torch.ones(1, frames, 4), pose_var=torch.full((1, frames, 24), sd**2 / 100), depth_var=one,
    )  # fmt: skip
    person = HumanMotion(root.unsqueeze(2).expand(-1, -1, 24, -1, -1), pelvis, torch.zeros(1, 10))
    t, pixels = -(R @ position.unsqueeze(-1)).squeeze(-1), torch.ones(1, frames, 2)
    camera = CameraTrajectory(R, t, pixels, pixels)
    for wrong in (0.5, 1.5):
        found = with_speed_evidence(torch.tensor([wrong]), evidence, person, camera, up, one, 30.0).item()
        expected = 1.0 if sd < 1 else wrong
        assert abs(found - expected) < nearness * expected, (wrong, found)
