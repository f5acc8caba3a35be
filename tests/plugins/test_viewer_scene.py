"""What is in the scene: poses, places, layers, images; asked of the server, which tells every browser the same."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffopt_core.data.skeleton import PARENTS
from diffopt_core.errors import DiffOptError
from diffopt_core.host.testing import make_result
from diffopt_core.interfaces import Snapshot
from diffopt_core.parts.bodies import anny24
from diffopt_core.types import HumanMotion, Video
from diffopt_viewer.arrange import Move, fitted, labels_of
from diffopt_viewer.images import Images
from diffopt_viewer.panels import draw
from diffopt_viewer.player import Player
from diffopt_viewer.shown import KEYPOINT, LIGHT, RESULTS, shown_of
from diffopt_viewer.stage import half_height
from hypothesis import given
from hypothesis import strategies as st
from viewer_cases import at, filmed, make_video, named, settled, viewing
from viser import transforms


def bones(group) -> np.ndarray:
    return np.array([bone.position for bone in group.body.bones])


@pytest.mark.parametrize("frame", [0, 5, 11])
def test_bones_are_where_the_joints_are(frame):
    result = make_result()
    with viewing(result) as viewer:
        at(viewer, frame)
        (group,) = viewer.stage.groups
        np.testing.assert_allclose(bones(group), result.joints[frame].numpy(), atol=1e-5)
        pelvis = transforms.SO3(np.asarray(group.body.bones[0].wxyz)).as_matrix()
        np.testing.assert_allclose(pelvis, result.motion.pose[frame, 0].numpy(), atol=1e-5)
        camera = transforms.SO3(np.asarray(group.frustum.wxyz)).as_matrix()
        np.testing.assert_allclose(camera, result.camera.R[frame].T.numpy(), atol=1e-5)
        np.testing.assert_allclose(group.frustum.position, result.camera.position[frame].numpy(), atol=1e-5)


def test_the_browser_skins_to_the_same_surface():
    """Linear blend of what is sent, by hand, against the body's vertices: four joints per vertex, no correctives."""
    body, plain = anny24.load(), make_result()
    motion = HumanMotion(plain.motion.pose, plain.motion.trans, torch.zeros(10), anny24.NAME)
    one = HumanMotion(motion.pose[None], motion.trans[None], motion.betas[None], anny24.NAME)
    result = replace(plain, motion=motion, joints=body.joints(one)[0], body_model=anny24.NAME)
    shown = shown_of(result, "a", RESULTS[0])
    assert not shown.surface.drawn
    turns = transforms.SO3(shown.turns[6]).as_matrix()
    moved = np.einsum("jab,vjb->vja", turns, shown.surface.vertices[:, None] - shown.rest) + shown.joints[6]
    vertices = np.einsum("vj,vja->va", shown.skin, moved)
    np.testing.assert_allclose(vertices, body.vertices(one)[0, 6].numpy(), atol=3e-3)


def test_sticks_end_in_the_joints():
    result = make_result()
    with viewing(result) as viewer:
        settled(viewer, lambda: viewer.stage.layers.update(skeleton=True))
        settled(viewer, viewer.stage.settle)
        at(viewer, 4)
        joints = result.joints[4].numpy()
        sticks = [(joints[child], joints[PARENTS[child]]) for child in range(1, 24)]
        np.testing.assert_allclose(viewer.stage.groups[0].skeleton.handle.points, sticks, atol=1e-6)


@given(st.floats(-3.1, 3.1), st.lists(st.floats(-5, 5), min_size=3, max_size=3))
def test_truth_is_laid_over_by_turn_and_shift(angle, shift):
    joints = make_result().joints.numpy()
    move = Move(angle, np.array(shift))
    np.testing.assert_allclose(fitted(joints, move(joints), "whole clip")(joints), move(joints), atol=1e-4)
    np.testing.assert_allclose(move.inverse(move(joints)), joints, atol=1e-5)
    np.testing.assert_allclose(move.after(move)(joints), move(move(joints)), atol=1e-4)
    np.testing.assert_allclose(transforms.SO3(move.wxyz).as_matrix(), move.matrix, atol=1e-9)


def test_truth_over_the_result_and_out_of_the_way_where_unknown():
    """The sample is its truth, moved: laid over, it is no way off. A frame that does not count has no skeleton."""
    result = make_result()
    good = torch.ones(12, dtype=torch.bool)
    good[3] = False
    truth = replace(result.clip.truth, good=good)
    with viewing(replace(result, clip=replace(result.clip, truth=truth))) as viewer:
        (group,) = viewer.stage.groups
        assert group.error() == pytest.approx(0.0, abs=1e-3)
        np.testing.assert_allclose(group.truth.frame.position, (0.05, 0.05, 0.05), atol=1e-4)
        at(viewer, 3)
        assert group.error() is None
        assert not group.truth.skeleton.handle.points.any()


def test_no_truth_when_not_asked_for():
    with viewing(make_result(), truth=False) as viewer:
        assert viewer.stage.groups[0].truth is None


def test_results_of_one_clip_lie_over_one_another_or_in_lanes():
    first = make_result()
    turn = Move(1.0, np.array([4.0, 0.0, -2.0]))

    def elsewhere(joints):
        return torch.from_numpy(turn(joints.numpy())).float()

    R = torch.from_numpy(turn.matrix).float()
    pose = torch.cat([R @ first.motion.pose[:, :1], first.motion.pose[:, 1:]], 1)
    motion = replace(first.motion, pose=pose, trans=elsewhere(first.motion.trans))
    second = replace(first, motion=motion, joints=elsewhere(first.joints))
    with viewing(first, second) as viewer:
        stage = viewer.stage
        assert not stage.lanes
        one, two = (m(g.shown.joints) for m, g in zip(stage.moves, stage.groups, strict=True))
        np.testing.assert_allclose(one, two, atol=1e-3)
        assert [g.truth.frame.visible for g in stage.groups] == [True, False]  # they share one
        settled(viewer, lambda: setattr(stage, "lanes", True))
        settled(viewer, stage.settle)
        one, two = (m(g.shown.joints) for m, g in zip(stage.moves, stage.groups, strict=True))
        apart = (two - one)[..., [0, 2]]
        assert np.linalg.norm(apart, axis=-1).min() > 1.0 and np.ptp(apart, axis=(0, 1)).max() < 1e-3
        assert [g.truth.frame.visible for g in stage.groups] == [True, True]


def test_results_of_several_clips_stand_side_by_side():
    with viewing(named(make_result(12), "a"), named(make_result(5), "b")) as viewer:
        assert viewer.stage.lanes
        at(viewer, 11)
        assert [group.frame for group in viewer.stage.groups] == [11, 4]  # the shorter one stays at its end


def test_layers_hide_what_they_name_and_show_the_present_pose():
    with viewing(make_result()) as viewer:
        (group,), stage = viewer.stage.groups, viewer.stage
        assert group.body.visible and not group.skeleton.handle.visible
        settled(viewer, lambda: stage.layers.update(body=False))
        settled(viewer, stage.settle)
        assert not group.body.visible
        at(viewer, 7)
        settled(viewer, lambda: stage.layers.update(body=True))
        settled(viewer, stage.settle)
        np.testing.assert_allclose(bones(group), group.shown.joints[7], atol=1e-5)


def test_the_world_goes_along_when_the_view_follows():
    result = make_result()
    with viewing(result) as viewer:
        settled(viewer, lambda: viewer.set_view("follow the person"))
        at(viewer, 9)
        went = (result.joints[9, 0] - result.joints[0, 0]).numpy() * (1, 0, 1)
        np.testing.assert_allclose(viewer.stage.world.position, -went, atol=1e-5)


def test_through_the_camera_the_whole_image_is_in_the_window():
    shown = shown_of(make_result(), "a", RESULTS[0])
    width, height = shown.cameras.size
    for aspect in (0.2, 1.0, 5.0):
        half = half_height(shown.cameras, 0, aspect)
        reach = np.maximum(shown.cameras.centre[0], np.array([width, height]) - shown.cameras.centre[0])
        assert (reach / shown.cameras.focal[0] <= np.array([half * aspect, half]) + 1e-6).all()


def test_images_come_by_number_back_and_forth(tmp_path):
    video = make_video(tmp_path / "clip.mp4", 12)
    images = Images(video)
    try:
        for number in (0, 5, 11, 2, 7):
            deadline = time.monotonic() + 20
            while (image := images.get(number)) is None and time.monotonic() < deadline:
                time.sleep(0.01)
            assert image.shape == (48, 64, 3)
            assert abs(float(image.mean()) - (10 + 15 * number)) < 6
    finally:
        images.close()


def test_the_image_is_in_the_frustum(tmp_path):
    result = filmed(make_result(), make_video(tmp_path / "clip.mp4", 12))
    with viewing(result) as viewer:
        at(viewer, 8)
        deadline = time.monotonic() + 20
        frustum = viewer.stage.groups[0].frustum
        while (frustum.image is None or abs(frustum.image.mean() - 130) > 6) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert abs(frustum.image.mean() - 130) < 6


def test_a_video_that_breaks_off_is_a_notice_and_no_images(tmp_path, caplog):
    video = make_video(tmp_path / "clip.mp4", 6)
    longer = Video(video.path, tuple(range(12)), video.size)
    with caplog.at_level(logging.WARNING), viewing(filmed(make_result(), longer)) as viewer:
        at(viewer, 11)
        deadline = time.monotonic() + 20
        while "no images are shown" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.02)
        assert "no images are shown" in caplog.text
        at(viewer, 3)  # and it goes on
        assert viewer.stage.groups[0].frame == 3


def test_canvas_has_keypoints_where_they_are():
    result = make_result()
    shown = shown_of(result, "a", RESULTS[0])
    picture = draw(None, [(shown.seen, RESULTS[0], 0)], LIGHT, observed=True, body=False)
    assert picture.shape == (270, 480, 3)
    x, y, _ = (result.clip.observations.keypoints[0, 11] * 480 / 1280).round().int().tolist()
    assert np.abs(picture[y, x].astype(int) - KEYPOINT).max() < 40


@pytest.mark.parametrize("size", [(2000, 20), (20, 2000), (1, 1)])
def test_odd_aspects(size):
    result = make_result()
    clip = replace(result.clip, size=size)
    with viewing(replace(result, clip=clip)) as viewer:
        seen = viewer.stage.groups[0].shown.seen
        for near in (True, False):
            picture = draw(None, [(seen, RESULTS[0], 0)], LIGHT, True, True, near)
            height, width = picture.shape[:2]
            assert 0 < height <= 480 and 0 < width <= 480 and width >= height * 0.99


@pytest.mark.parametrize(("fps", "time_", "frame"), [(0.5, 3.9, 1), (240.0, 0.02, 4), (30.0, 0.0, 0), (30.0, 99.0, 11)])
def test_frames_by_time(fps, time_, frame):
    result = make_result()
    shown = shown_of(replace(result, clip=replace(result.clip, fps=fps)), "a", RESULTS[0])
    assert shown.frame_at(time_) == frame


def test_the_player_begins_again():
    shown = shown_of(make_result(), "a", RESULTS[0])
    player = Player()
    player.open([shown])
    player.advance(11.5 / 30)
    assert player.frame == 11
    player.advance(1.0 / 30)
    assert player.frame == 0
    player.step(-1)
    assert player.frame == 11 and not player.moving
    for frame in range(12):
        player.go_to(frame)
        assert player.frame == frame and shown.frame_at(player.time) == frame


def test_a_solve_changes_the_motion_and_keeps_the_moment():
    result = make_result()

    def snapshot(by: float, step: int) -> Snapshot:
        motion = replace(result.motion, trans=result.motion.trans + by)
        return Snapshot((replace(result, motion=motion, joints=result.joints + by),), "warmup", step, 3, {"pose": 0.1})

    with viewing(result) as viewer:
        viewer.update(snapshot(0.0, 1))
        settled(viewer, lambda: setattr(viewer.player, "playing", False))
        at(viewer, 6)
        body = viewer.stage.groups[0].body
        viewer.update(snapshot(0.5, 2))
        assert viewer.stage.groups[0].body is body  # not built anew
        np.testing.assert_allclose(bones(viewer.stage.groups[0]), result.joints[6].numpy() + 0.5, atol=1e-5)


def test_names_are_as_short_as_tells_them_apart(tmp_path):
    def of(folder: str, name: str = "walk"):
        result = named(make_result(), name)
        return replace(result, clip=replace(result.clip, path=tmp_path / folder / "motion.npz"))

    assert labels_of([of("a", "walk"), of("b", "run")]) == ["walk", "run"]
    assert labels_of([of("a/walk"), of("b/walk")]) == ["a/walk", "b/walk"]
    assert labels_of([of("paper"), of("none")]) == ["paper", "none"]
    assert labels_of([make_result(), make_result()]) == ["sticks 1", "sticks 2"]


def test_joints_of_another_body_are_refused():
    result = make_result()
    with viewing(result) as viewer, pytest.raises(DiffOptError, match="joints"):
        viewer.show(
            [replace(result, joints=result.joints + torch.rand(12, 24, 3), clip=replace(result.clip, name="x"))]
        )


def test_people_of_one_world_stay_where_they_are():
    first = replace(make_result(), clip=replace(make_result().clip, truth=None))
    assert first.clip.camera is not None
    beside = replace(first.clip, camera=replace(first.clip.camera, held=True))
    moved = replace(first.motion, trans=first.motion.trans + torch.tensor([1.0, 0.0, 2.0]))
    second = replace(first, clip=beside, motion=moved, joints=first.joints + torch.tensor([1.0, 0.0, 2.0]))
    with viewing(first, second) as viewer:
        assert all(move.angle == 0 and not move.shift.any() for move in viewer.stage.moves)
