"""Pictures come out for every kind of result, with the right size, and matplotlib is not imported before."""

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from diffopt_core.data.geometry import forward_kinematics
from diffopt_core.data.rotation import axis_angle_to_matrix, yaw_to_matrix
from diffopt_core.data.skeleton import JOINTS, PARENTS
from diffopt_core.errors import DiffOptError
from diffopt_core.types import CameraTrajectory, Clip, HumanMotion, Result, Status, Truth
from diffopt_lab.picture import draw_overlay, draw_result, pick_frames, pixels_of
from diffopt_lab.picture.view import heading, view_of

pytest.importorskip("matplotlib")


def walk(frames, speed=1.0):
    """Joints ``(T, 24, 3)`` of a stick person who walks along +X and faces +Z; legs 0.9 m, spine 0.6 m."""
    drop = {"left_hip": (0.1, -0.1), "right_hip": (-0.1, -0.1), "knee": (0, -0.4), "ankle": (0, -0.4), "foot": (0, 0),
            "left_collar": (0.1, 0.0), "right_collar": (-0.1, 0.0), "left_shoulder": (0.1, 0),
            "right_shoulder": (-0.1, 0), "elbow": (0, -0.25), "wrist": (0, -0.25), "hand": (0, -0.05)}  # fmt: skip
    rest = torch.zeros(24, 3, dtype=torch.float64)
    for joint, (name, parent) in enumerate(zip(JOINTS, PARENTS, strict=True)):
        if parent >= 0:
            x, y = drop.get(name, drop.get(name.split("_")[-1], (0, 0.15)))
            rest[joint] = rest[parent] + torch.tensor([x, y, 0.0])
    pose = torch.eye(3, dtype=torch.float64).expand(frames, 24, 3, 3)
    trans = torch.zeros(frames, 3, dtype=torch.float64)
    trans[:, 0], trans[:, 1] = torch.arange(frames) / 30.0 * speed, 0.9
    joints = forward_kinematics(pose, rest, PARENTS)[1] + trans[:, None]
    return joints, HumanMotion(pose, trans, torch.zeros(10, dtype=torch.float64))


def camera_for(frames):
    # Looks along -Z from (0, 1, 4): OpenCV's y points down.
    R = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)).expand(frames, 3, 3)
    position = torch.tensor([0.0, 1.0, 4.0], dtype=torch.float64).expand(frames, 3)
    size = torch.full((frames, 2), 500.0, dtype=torch.float64)
    return CameraTrajectory(R, -(R @ position[..., None])[..., 0], size, size)


def result_of(frames=40, truth=None, log=None, metrics=None, **changes):
    joints, motion = walk(frames, changes.get("speed", 1.0))
    shaken = joints + 0.1 * torch.randn(joints.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    camera = camera_for(frames)
    clip = Clip("a walk", None, 30.0, (1000, 1000), frames, truth=truth)
    return Result(
        clip, motion, camera, joints, motion, camera, shaken, Status.FINISHED, {}, log or {}, {}, "stick", metrics or {}
    )


def image_of(path):
    from matplotlib.image import imread

    image = imread(path)
    assert image[..., :3].std() > 0.05  # not an empty page
    return image


LOG = {"warmup": {"pose": [3.0, 2.0, 1.0]}, "guide": {"prior": [1.0], "pose": [0.0, float("nan"), -1.0]}, "none": {}}
METRICS = {"initial": {"rigid_clip": 100.0}, "final": {"rigid_clip": 50.0, "RTE": float("nan"), "other": 3.0}}


def truths(frames):
    true = walk(frames)[0] @ yaw_to_matrix(torch.tensor(1.0, dtype=torch.float64)).mT + 3.0
    gaps = true.clone()
    gaps[5:9] = torch.nan
    coco = torch.zeros(frames, 4, 3, dtype=torch.float64) + true[:, [1, 2, 7, 8]]
    return {
        "none": None,
        "smpl24": Truth(true, camera=camera_for(frames)),
        "gaps": Truth(gaps),
        "coco": Truth(coco, layout="coco17", index=(11, 12, 15, 16)),
        "a point": Truth(torch.zeros_like(true)),
        "another length": Truth(true[:-1]),
    }


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(truths(2)))
def test_result_with_every_kind_of_truth(tmp_path, kind):
    path = draw_result(result_of(truth=truths(40)[kind], log=LOG, metrics=METRICS), tmp_path / "sub" / "r.png")
    assert image_of(path).shape == (1020, 1860, 4)
    assert [p.name for p in path.parent.iterdir()] == ["r.png"]  # nothing half-written is left


@pytest.mark.slow
@pytest.mark.parametrize(("frames", "speed"), [(3, 1.0), (3, 0.0), (400, 3.0)])
def test_result_of_any_length(tmp_path, frames, speed):
    image_of(draw_result(result_of(frames, speed=speed), tmp_path / "r.png", truth=truths(frames)["smpl24"]))


def test_the_view_shows_people_walking_to_the_right_and_upright():
    joints = walk(60)[0].numpy()
    np.testing.assert_allclose(heading(joints), np.broadcast_to([0.0, 0.0, 1.0], (60, 3)), atol=1e-12)
    for bodies in (joints, joints[:2]):  # one who travels and one who stands
        view = view_of(bodies)
        axes = np.stack([view.right, view.up, view.towards])
        np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(axes) == pytest.approx(1.0)  # a mirrored view would swap left and right
        assert view.up[1] > 0.9
    screen = view_of(joints).screen(joints[:, 0])
    assert screen[-1, 0] > screen[0, 0] + 1.0
    assert view_of(joints[:2]).towards @ heading(joints)[0] > 0.8  # seen from ahead


def test_pixels_of_joints_and_those_behind_the_camera():
    joints, camera = walk(2)[0], camera_for(2)
    pixels = pixels_of(joints, camera)
    assert pixels.shape == (2, 24, 2)
    assert pixels[0, 0] == pytest.approx([500.0, 500.0 + 500.0 * 0.1 / 4])
    left, right = JOINTS.index("left_shoulder"), JOINTS.index("right_shoulder")
    assert pixels[0, left, 0] > pixels[0, right, 0]  # who faces the camera has the left on the picture's right
    turned = CameraTrajectory(
        axis_angle_to_matrix(torch.tensor([0.0, np.pi, 0.0], dtype=torch.float64)) @ camera.R, -camera.t * 0 - 4.0,
        camera.focal, camera.centre,
    )  # fmt: skip
    assert np.isnan(pixels_of(joints, turned)).all()


@pytest.mark.slow
@pytest.mark.parametrize("crop", [True, False])
def test_overlay(tmp_path, crop):
    pixels = pixels_of(walk(40)[0], camera_for(40))
    chosen = pick_frames(40, 4)
    assert chosen == [0, 13, 26, 39]
    frames = [np.full((1000, 1000, 3), 120, np.uint8)] * 4
    keypoints = np.concatenate([pixels[:, :17] + 9.0, np.ones((40, 17, 1))], axis=-1)
    astray = pixels.copy()
    astray[13] = np.nan
    astray[26] = 1e7
    path = draw_overlay(
        frames, pixels[chosen], tmp_path / "o.png", astray[chosen], keypoints[chosen], list("abcd"), crop=crop
    )
    image = image_of(path)
    assert image.shape[1] == 1440
    blue = np.abs(image[..., :3] - np.array([0x00, 0x72, 0xB2]) / 255).max(-1) < 0.02
    assert blue.sum() > 300
    draw_overlay(frames[:1], np.full((1, 24, 2), np.nan), tmp_path / "nobody.png", crop=crop)


def test_overlay_refuses_what_does_not_fit(tmp_path):
    with pytest.raises(DiffOptError, match="2 frames but 3 of pixels"):
        draw_overlay([np.zeros((4, 4, 3), np.uint8)] * 2, np.zeros((3, 24, 2)), tmp_path / "o.png")
    with pytest.raises(DiffOptError, match="no frames"):
        draw_overlay([], np.zeros((0, 24, 2)), tmp_path / "o.png")
    assert pick_frames(2) == [0, 1]


@pytest.mark.slow
def test_matplotlib_is_imported_only_to_draw():
    code = "import sys, diffopt_lab.picture; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=300).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 9, 40])
@pytest.mark.parametrize("length", [4, 60])
def test_the_legend_of_the_losses_stays_in_its_panel(count, length):
    from diffopt_lab.picture.panels import draw_losses
    from diffopt_lab.picture.style import new_figure

    figure = new_figure(6.0, 1.6)
    curves, panel = figure.add_subplot(1, 2, 1), figure.add_axes((0.8, 0.1, 0.18, 0.8))
    log = {"guide": {f"{n}{'x' * length}{n}": [1.0, 0.1] for n in range(count)}}
    draw_losses(curves, panel, log, {"guide": 4})
    assert [tick.get_text() for tick in curves.get_xticklabels()] == ["guide\n4 steps"]
    box, room = panel.get_legend().get_window_extent(), panel.get_window_extent()
    assert room.x0 - 1 <= box.x0 and box.x1 <= room.x1 + 1 and room.y0 - 1 <= box.y0 and box.y1 <= room.y1 + 1
    names = [text.get_text() for text in panel.get_legend().get_texts()]
    shown = len(names) if count == len(names) else len(names) - 1
    assert count == shown or names[-1] == f"and {count - shown} more"
    looks = {(line.get_color(), line.get_linestyle()) for line in curves.get_lines()}
    assert len(looks) == min(count, 28), "colours that come again come dashed"
    dashes = [line.get_linestyle() for line in curves.get_lines()]
    assert all(one != other for one, other in pairwise(dashes))


def test_steps_are_those_of_all_blocks_as_the_progress_bar_counts_them():
    from diffopt_lab.picture.panels import steps_of

    blocks = {"body": {"terms": {"prior": 1.0, "pose": 1.0}}, "camera": {"terms": {"prior": 1.0}}}
    log = {
        "guide": {"body.prior": [1.0] * 200, "pose": [1.0] * 200, "camera.prior": [1.0] * 400},
        "other": {"a": [1.0]},
    }
    recipe = {"stage": {"guide": {"blocks": ["body", "camera"], **blocks}}}
    assert steps_of(replace(result_of(log=log), recipe=recipe)) == {"guide": 600, "other": 1}
