"""Placement: known worlds come back level, on the floor, at the right depth."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix, geodesic
from diffopt_core.host.recipe import PlaceSpec
from diffopt_core.solver.place import camera_frame_motion, place
from diffopt_core.solver.translation import fit_translation
from diffopt_core.solver.vertical import VAGUE, find_up, levelling
from diffopt_core.types import MotionEvidence
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import seen, true_scene

unit = st.floats(-1.0, 1.0)


@settings(max_examples=25, deadline=None)
@given(unit, unit, unit)
def test_levelling_brings_any_direction_up(x, y, z):
    up = torch.tensor([[x, y, z + 1e-3]])
    up = torch.nn.functional.normalize(up, dim=-1)
    Q = levelling(up)
    torch.testing.assert_close((Q @ up.unsqueeze(-1)).squeeze(-1), torch.tensor([[0.0, 1.0, 0.0]]), atol=1e-4, rtol=0)
    torch.testing.assert_close(torch.linalg.det(Q), torch.ones(1), atol=1e-4, rtol=0)


def test_levelling_of_straight_down_is_a_half_turn():
    Q = levelling(torch.tensor([[0.0, -1.0, 0.0]]))
    torch.testing.assert_close(Q @ torch.tensor([0.0, -1.0, 0.0]), torch.tensor([[0.0, 1.0, 0.0]]))


@pytest.mark.parametrize("up", ["trunk", "camera"])
def test_a_tilted_world_comes_back_level_and_on_the_floor(up):
    motion, camera, body = true_scene()
    tilt = axis_angle_to_matrix(torch.tensor([[2.8, 0.1, 0.4], [0.3, -0.2, 1.0]]))
    placed = place(seen(motion, camera, body, tilt), body, PlaceSpec(up=up))
    true_up = camera.R[..., 1]
    angle = torch.acos((placed.camera.R[..., 1] * true_up).sum(-1).clamp(-1, 1))
    # The trunk of the test's bodies leans by a tenth of a radian or so; level camera axes mend part of that.
    assert float(angle.max()) < 0.2
    feet = body.joints(placed.motion)[..., [7, 8, 10, 11], 1]
    assert float(torch.quantile(feet.amin(-1), 0.1, dim=1).abs().max()) < 1e-4


def test_level_camera_axes_correct_a_leaning_trunk():
    motion, camera, body = true_scene()
    lean = motion.pose.clone()
    lean[:, :, 0] = lean[:, :, 0] @ axis_angle_to_matrix(torch.tensor([0.0, 0.0, 0.3]))
    joints = body.joints(replace(motion, pose=lean))
    errors = {
        up: torch.acos(find_up(joints, camera, PlaceSpec(up=up)).up[:, 1].clamp(-1, 1)).max()
        for up in ("trunk", "camera")
    }
    assert errors["camera"] < 0.5 * errors["trunk"]


def test_fitted_translation_finds_the_true_depth_whatever_the_guess():
    motion, camera, body = true_scene()
    batch = seen(motion, camera, body)
    wrong = replace(batch, transl=batch.transl * 1.3 + 0.2)
    fitted = fit_translation(camera_frame_motion(wrong), wrong, body, smooth=0.1)
    torch.testing.assert_close(fitted, batch.transl, atol=6e-3, rtol=0)


def test_frames_without_keypoints_take_the_depth_of_their_neighbours():
    motion, camera, body = true_scene()
    batch = seen(motion, camera, body)
    keypoints = batch.observations.keypoints.clone()
    keypoints[:, 8:11, :, 2] = 0.0
    keypoints[:, 8:11, :, :2] = 0.0
    wrong = replace(batch, transl=batch.transl * 1.2, observations=replace(batch.observations, keypoints=keypoints))
    fitted = fit_translation(camera_frame_motion(wrong), wrong, body, smooth=0.2)
    assert float((fitted[..., 2] - batch.transl[..., 2]).abs().max()) < 0.05


def test_outliers_among_the_keypoints_do_not_move_the_person():
    motion, camera, body = true_scene()
    batch = seen(motion, camera, body)
    keypoints = batch.observations.keypoints.clone()
    keypoints[:, ::3, 9, :2] += 200.0
    spoilt = replace(batch, observations=replace(batch.observations, keypoints=keypoints))
    fitted = fit_translation(camera_frame_motion(spoilt), spoilt, body, smooth=0.0)
    assert float((fitted - batch.transl).norm(dim=-1).max()) < 0.02


def test_placement_keeps_what_the_camera_sees():
    motion, camera, body = true_scene()
    batch = seen(motion, camera, body, axis_angle_to_matrix(torch.tensor([[1.0, 0.5, 0.2], [0.0, 0.0, 3.0]])))
    placed = place(batch, body, PlaceSpec(depth="given", path_smooth=0))
    back = placed.camera.R @ placed.motion.pose[:, :, 0]
    assert float(geodesic(back, batch.global_orient).max()) < 1e-3
    trans = (placed.camera.R @ placed.motion.trans.unsqueeze(-1)).squeeze(-1) + placed.camera.t
    torch.testing.assert_close(trans, batch.transl, atol=1e-4, rtol=0)


def test_a_level_path_corrects_a_trunk_that_leans_the_way_it_goes():
    motion, camera, body = true_scene(frames=60, travel=6.0)
    lean = motion.pose.clone()
    lean[:, :, 0] = axis_angle_to_matrix(torch.tensor([0.0, 0.0, -0.3])) @ lean[:, :, 0]  # forward is +x
    joints = body.joints(replace(motion, pose=lean))
    errors = {
        sigma: torch.acos(
            find_up(joints, camera, PlaceSpec(up="camera", travel_sigma=sigma)).up[:, 1].clamp(-1, 1)
        ).max()
        for sigma in (None, 0.07)
    }
    assert errors[0.07] < 0.5 * errors[None]


def test_a_person_who_stays_says_nothing_of_the_vertical():
    motion, camera, body = true_scene(travel=0.0)
    joints = body.joints(motion)
    plain, with_path = (find_up(joints, camera, PlaceSpec(up="camera", travel_sigma=s)).up for s in (None, 0.07))
    torch.testing.assert_close(plain, with_path, atol=1e-4, rtol=0)


def test_a_told_vertical_wins_over_a_trunk_that_leans_and_a_camera_that_rolls():
    motion, camera, body = true_scene()
    joints = body.joints(motion)
    roll = axis_angle_to_matrix(torch.tensor([0.0, 0.0, 0.4]))
    rolled = replace(camera, R=roll @ camera.R)
    ones = torch.ones_like(camera.t[..., 0])
    told = MotionEvidence(
        up=rolled.R[..., 1], up_var=1e-4 * ones, velocity=camera.t, velocity_var=torch.ones_like(camera.t),
        contact=torch.zeros(*ones.shape, 4), pose_var=torch.ones(*ones.shape, 24), depth_var=ones,
    )  # fmt: skip
    up = {"guessed": find_up(joints, rolled, PlaceSpec()).up, "told": find_up(joints, rolled, PlaceSpec(), told).up}
    off = {name: float(torch.acos(value[:, 1].clamp(-1, 1)).max()) for name, value in up.items()}
    assert off["told"] < 0.02 < off["guessed"]


def tilted(angle: float, axis: str = "z"):
    """A scene whose person, not the camera, is turned by ``angle`` about a level axis."""
    motion, camera, body = true_scene(travel=0.0)
    turn = axis_angle_to_matrix(torch.tensor([angle, 0.0, 0.0] if axis == "x" else [0.0, 0.0, angle]))
    pose = motion.pose.clone()
    pose[:, :, 0] = turn @ pose[:, :, 0]
    return body.joints(replace(motion, pose=pose)), camera


def off(up: torch.Tensor) -> float:
    return float(torch.rad2deg(torch.acos(up[:, 1].clamp(-1, 1)).max()))


@pytest.mark.parametrize("axis", ["x", "z"])
@pytest.mark.parametrize("angle", [1.5, 1.9, 3.1])
def test_people_who_lie_or_stand_on_their_hands_do_not_tip_the_world(angle, axis):
    joints, camera = tilted(angle, axis)
    assert off(find_up(joints, camera, PlaceSpec()).up) < 20
    upright, _ = tilted(0.0)
    assert off(find_up(upright, camera, PlaceSpec()).up) < 12


def test_a_cartwheel_says_nothing_of_the_vertical():
    motion, camera, body = true_scene(frames=60, travel=0.0)
    turns = torch.zeros(60, 3)
    turns[:, 2] = torch.linspace(0, 2 * torch.pi, 60)
    pose = motion.pose.clone()
    pose[:, :, 0] = axis_angle_to_matrix(turns) @ pose[:, :, 0]
    joints = body.joints(replace(motion, pose=pose))
    assert off(find_up(joints, camera, PlaceSpec()).up) < 20


@pytest.mark.parametrize("angle", [0.0, 0.5, 1.9])
def test_lines_in_the_images_show_the_vertical(angle):
    joints, camera = tilted(angle)
    up = camera.R[..., 1]
    known = replace(camera, up=up, up_var=torch.full(up.shape[:-1], 0.03**2))
    assert off(find_up(joints, known, PlaceSpec()).up) < 3


def evidence_of(up: torch.Tensor, sd: float, contact: float) -> MotionEvidence:
    ones = torch.ones_like(up[..., 0])
    return MotionEvidence(
        up=up, up_var=sd**2 * ones, velocity=up, velocity_var=torch.ones_like(up),
        contact=torch.full((*ones.shape, 4), contact), pose_var=torch.ones(*ones.shape, 24), depth_var=ones,
    )  # fmt: skip


@pytest.mark.parametrize(("said", "sure"), [(0.03, True), (0.5, False)])
def test_the_uncertainty_of_the_vertical_is_that_of_what_it_is_from(said, sure):
    joints, camera = tilted(0.0)
    found = find_up(joints, camera, PlaceSpec(), evidence_of(camera.R[..., 1], said, 0.0))
    assert (float(found.sd[0]) < VAGUE) == sure and float(found.sd[0]) <= 1.03 * said
    facts = found.facts(0)
    assert facts["sd_deg"] == pytest.approx(math.degrees(float(found.sd[0])), abs=0.06)
    if sure:  # a vague network is believed less than it says
        assert facts["from"]["network"]["sd_deg"] == pytest.approx(math.degrees(said), abs=0.1)


def test_feet_on_level_ground_show_the_vertical():
    """Of a network that errs by 10 degrees: the ground is level along a path and across it."""
    frames = 60
    _, camera, _ = true_scene(frames=frames, travel=0.0)
    along = torch.linspace(-3, 3, frames)
    path = torch.stack([along, torch.zeros(frames), (3 * along).sin()], -1)
    joints = path[None, :, None].expand(2, frames, 24, 3)
    wrong = (camera.R @ torch.tensor([math.sin(0.17), math.cos(0.17), 0.0])[:, None]).squeeze(-1)
    with_feet, without = (find_up(joints, camera, PlaceSpec(), evidence_of(wrong, 0.1, c)).up for c in (1.0, 0.0))
    assert off(with_feet) < 3 < off(without)


def test_who_lies_is_level_where_a_network_hardly_knows():
    """The network is 50 degrees off, and says so; the trunk lies across the image."""
    joints, camera = tilted(math.pi / 2)
    wrong = (camera.R @ torch.tensor([math.sin(0.9), math.cos(0.9), 0.0])[:, None]).squeeze(-1)
    vague, sure = (find_up(joints, camera, PlaceSpec(), evidence_of(wrong, sd, 0.0)) for sd in (0.6, 0.02))
    assert off(vague.up) < 5 and float(vague.cues["lying"][1].max()) < 0.2
    assert "lying" not in sure.cues
