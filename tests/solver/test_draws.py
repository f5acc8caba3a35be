"""Several draws of one clip: the first is the evidence itself, the others differ by as much as they say."""

from __future__ import annotations

import pytest
import torch
from diffopt_core.data.geometry import transform
from diffopt_core.data.rotation import axis_angle_to_matrix, geodesic
from diffopt_core.data.window import Evidence
from diffopt_core.host.recipe import DrawsSpec
from diffopt_core.solver.ensemble import drawn, spread, wander
from diffopt_core.types import CameraFrameBody, CameraTrajectory, Clip, Observations
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor


def walking(frames: int = 60) -> Evidence:
    """Someone who goes along, in every pose there is."""
    source = torch.Generator().manual_seed(3)

    def rotations(*shape: int) -> Tensor:
        return axis_angle_to_matrix(0.5 * torch.randn(*shape, 3, generator=source))

    focal = torch.full((frames, 2), 900.0)
    clip = Clip(
        "walking",
        None,
        30.0,
        (640, 480),
        frames,
        observations=Observations(
            300 * torch.rand(frames, 17, 3, generator=source), "coco17", torch.ones(frames, dtype=torch.bool)
        ),
        body=CameraFrameBody(
            rotations(frames), rotations(frames, 23), torch.rand(frames, 3, generator=source) + 2, torch.zeros(10)
        ),
        camera=CameraTrajectory(rotations(frames), torch.rand(frames, 3, generator=source), focal, focal / 2),
    )
    assert clip.observations is not None and clip.camera is not None and clip.body is not None
    return Evidence(clip, clip.observations, clip.camera, clip.body)


@settings(deadline=None, max_examples=30)
@given(frames=st.integers(2, 300), memory=st.floats(0.01, 60))
def test_wandering_noise_keeps_its_size(frames: int, memory: float) -> None:
    source = torch.Generator().manual_seed(frames)
    noise = wander(frames, (100,), memory, source)
    assert noise.shape == (frames, 100)
    assert float(noise.square().mean()) == pytest.approx(1.0, abs=0.45)


def test_the_first_draw_is_the_evidence_itself() -> None:
    evidence = walking()
    assert drawn(evidence, 0, 7, DrawsSpec(count=4)) is evidence


def test_a_draw_is_off_by_what_the_recipe_says_and_is_the_same_again() -> None:
    evidence, spec = walking(), DrawsSpec(count=4, pose=0.1, turn=0.2, keypoints=0.0)
    one, again, other = (drawn(evidence, k, 7, spec) for k in (1, 1, 2))
    assert torch.equal(one.body.body_pose, again.body.body_pose)
    assert not torch.equal(one.body.body_pose, other.body.body_pose)
    off = geodesic(one.body.body_pose, evidence.body.body_pose)
    assert float(off.square().mean().sqrt()) == pytest.approx(0.1 * 3**0.5, rel=0.3)
    assert torch.equal(one.observations.keypoints, evidence.observations.keypoints)


def test_nothing_disturbed_gives_the_same_evidence() -> None:
    still = DrawsSpec(count=3, pose=0, turn=0, depth=0, camera=0, keypoints=0)
    evidence = walking()
    one = drawn(evidence, 1, 7, still)
    torch.testing.assert_close(one.body.global_orient, evidence.body.global_orient)
    torch.testing.assert_close(one.camera.t, evidence.camera.t)
    torch.testing.assert_close(one.observations.keypoints, evidence.observations.keypoints)


def test_band_of_draws_that_differ_by_a_rigid_motion_is_empty() -> None:
    joints = torch.randn(20, 24, 3).double()
    R = axis_angle_to_matrix(torch.tensor([0.1, 0.5, -0.2]).double())
    moved = transform(joints, R, torch.tensor([1.0, 2.0, 3.0]).double())
    band = spread([joints, moved, moved], DrawsSpec())
    assert band is not None and band.draws == 3
    assert float(band.root.max()) < 1e-5 and float(band.joints.max()) < 1e-5


def test_band_grows_where_the_draws_part_and_with_the_factor() -> None:
    joints = torch.randn(200, 24, 3)
    apart = [joints.clone() for _ in range(2)]
    for sign, draw in zip((1.0, -1.0), apart, strict=True):
        draw[150:, 20] += sign * 0.3
    band = spread([joints, *apart], DrawsSpec(joint_factor=1.0))
    wide = spread([joints, *apart], DrawsSpec(joint_factor=2.0, joint_floor=0.01))
    assert band is not None and wide is not None
    assert float(band.joints[150:, 20].min()) > 10 * float(band.joints[:150, 20].max())
    torch.testing.assert_close(wide.joints, 2 * band.joints + 0.01)


def test_two_draws_make_no_band() -> None:
    joints = torch.randn(5, 24, 3)
    assert spread([joints, joints], DrawsSpec()) is None
