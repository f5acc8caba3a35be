"""Evidence that contradicts itself: what is refused with the likely mistake, what is told, and what stays legal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from diffopt_core.data.geometry import project
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.data.skeleton import COCO17, JOINT, mirror_order
from diffopt_core.data.window import Evidence, travel_of
from diffopt_core.errors import BadInput
from diffopt_core.parts.bodies.anny24 import load
from diffopt_core.perception.agreement import Shared, clocks, explain, joints_in_camera
from diffopt_core.perception.plausible import judge
from diffopt_core.types import CameraFrameBody, CameraTrajectory, Clip, Observations

FRAMES, SIZE, FPS = 40, (640, 360), 25.0
REST = load().rest_joints(torch.zeros(1, 10))[0]


def walk(angle: float = np.pi, scale: float = 1.0, speed: float = 1.2) -> Evidence:
    """A walk to the right, upright in the image (``angle`` about x), by a camera that follows it and turns."""
    time = torch.linspace(0, 1.6, FRAMES)
    pose = torch.zeros(FRAMES, 24, 3)
    pose[:, 0, 0] = angle
    swing = 0.5 * torch.sin(2 * torch.pi * time) * bool(speed)
    for joint, sign in (("left_hip", 1), ("right_hip", -1), ("left_shoulder", -1), ("right_shoulder", 1)):
        pose[:, JOINT[joint], 0] = sign * swing
    R = axis_angle_to_matrix(pose)
    world = torch.stack([speed * time, torch.zeros(FRAMES), torch.full((FRAMES,), 4.5)], -1)
    turn = axis_angle_to_matrix(torch.stack([torch.zeros(FRAMES), 0.15 * time, torch.zeros(FRAMES)], -1))
    place = torch.stack([0.9 * time, torch.zeros(FRAMES), 0.2 * time], -1)
    t = -(turn @ place.unsqueeze(-1)).squeeze(-1)
    seen = (turn @ world.unsqueeze(-1)).squeeze(-1) + t
    body = CameraFrameBody(turn @ R[:, 0], R[:, 1:], seen, torch.zeros(10))
    focal, centre = torch.full((FRAMES, 2), 560.0), torch.tensor(SIZE).float().expand(FRAMES, 2) / 2
    camera = CameraTrajectory(turn, t, focal, centre, "guess", travel=travel_of(turn, t))
    clip = Clip("walk", None, FPS, SIZE, FRAMES)
    bare = Evidence(clip, Observations(torch.ones(FRAMES, 17, 3), "coco17", torch.ones(FRAMES).bool()), camera, body)
    pixels = project(joints_in_camera(bare, REST * scale), focal, centre)
    points = torch.zeros(FRAMES, 17, 3)
    for index, name in enumerate(COCO17):
        points[:, index, :2], points[:, index, 2] = pixels[:, JOINT.get(name, JOINT["head"])], 0.9
    return with_points(bare, points)


def with_points(evidence: Evidence, points: torch.Tensor) -> Evidence:
    return replace(evidence, observations=replace(evidence.observations, keypoints=points))


def moved(evidence: Evidence, change) -> Evidence:
    points = evidence.observations.keypoints.clone()
    points[..., :2] = change(points[..., :2])
    return with_points(evidence, points)


def test_a_long_clip_is_compared_by_some_of_its_frames():
    """Else a clip of twice the length takes four times as long."""
    assert all(len(frames) <= 256 for _, _, frames, _ in clocks(3000))
    draw = np.random.default_rng(0)
    path = np.cumsum(draw.normal(size=(1100, 1, 2)), 0) + draw.normal(size=(1, 12, 2)) * 40
    wave = 60 * np.sin(np.arange(1100)[:, None, None] / 9 + draw.normal(size=(1, 12, 2)))
    points = path + wave + [320, 180]
    there = np.ones((1000, 12), bool)
    names = tuple(name for name in COCO17 if name in JOINT)
    late = Shared(names, points[37:1037], there, points[:1000], points[37:1037], "other", 100.0, 640, 360)
    assert explain(late, late.off(late.first)) == "the poses are 37 frames late"


@pytest.mark.parametrize("scale", [0.7, 1.0, 1.1])
def test_honest_evidence_is_left_alone(scale, caplog):
    """Children too; a detector's noise too."""
    good = walk(scale=scale)
    noise = torch.from_numpy(np.random.default_rng(0).normal(0, 4, (FRAMES, 17, 2))).float()
    noisy = moved(good, lambda points: points + noise)
    assert judge(noisy, REST * scale).clip.doubts == () and not caplog.text


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda p: p * 0.5, r"0\.50 times their size: of images of 320 x 180"),
        (lambda p: p * 2, r"2\.00 times their size: of images of 1280 x 720"),
        (
            lambda p: p + torch.tensor([90.0, -40.0]),
            r"lie \(90, -40\) px away: of a cropped image",
        ),
        (lambda p: p * torch.tensor([1.0, -1.0]) + torch.tensor([0.0, 360.0]), "y counts from below"),
        (lambda p: p.flip(-1), "exchanged"),
        (lambda p: p / torch.tensor([640.0, 360.0]), r"in 0\.\.1 of the image"),
    ],
)
def test_keypoints_of_other_images_are_refused_with_the_likely_mistake(change, why):
    with pytest.raises(BadInput, match=why):
        judge(moved(walk(), change), REST)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (np.clip(np.arange(FRAMES) + 2, 0, FRAMES - 1), "poses are 2 frames late"),
        (np.clip(np.round(np.arange(FRAMES) * 0.8), 0, FRAMES - 1), "copy at 0.8 times"),
    ],
)
def test_poses_of_other_times_are_told(rows, why, caplog):
    good = walk()
    found = judge(with_points(good, good.observations.keypoints[torch.from_numpy(rows).long()]), REST)
    (doubt,) = found.clip.doubts
    assert why in doubt and "marked as not trusted" in caplog.text


def test_left_and_right_exchanged_are_refused():
    good = walk(angle=np.pi)
    with pytest.raises(BadInput, match="left and right"):
        judge(with_points(good, good.observations.keypoints[:, mirror_order(COCO17)]), REST)


def test_nothing_in_common_is_refused():
    noise = torch.rand(FRAMES, 17, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor(SIZE)
    with pytest.raises(BadInput, match="do both belong to this video, person and camera"):
        judge(moved(walk(), lambda points: noise), REST)


@pytest.mark.parametrize(("factor", "unit"), [(1e3, "millimetres"), (100, "centimetres")])
def test_units_of_the_place_are_named(factor, unit):
    good = walk()
    with pytest.raises(BadInput, match=f"init_transl: .*in {unit}"):
        judge(replace(good, body=replace(good.body, transl=good.body.transl * factor)), REST)
    with pytest.raises(BadInput, match=f"rest_joints: .*in {unit}"):
        judge(good, REST * factor)


def test_cameras_the_wrong_way_round_are_told():
    good = walk(speed=0.0)
    back = replace(good.camera, R=good.camera.R.mT, t=good.camera.position)
    found = judge(replace(good, camera=back), REST)
    assert "camera-to-world" in found.clip.doubts[0]


GL = torch.diag(torch.tensor([1.0, -1.0, -1.0]))


@pytest.mark.parametrize(("change", "words"), [
    (lambda c: {"R": GL @ c.R, "t": c.t @ GL}, "OpenGL's axes"),
    (lambda c: {"t": 30.48 * c.t, "unit": "metre"}, "another unit"),
    (lambda c: {"t": torch.where(torch.arange(FRAMES)[:, None] < 20, c.t, c.t + 9)}, "jumps at frame 20"),
    (lambda c: {"focal": c.focal * 0.75}, "the focal length is 0.75 times"),
])  # fmt: skip
def test_cameras_that_are_read_wrongly_are_told(change, words):
    good = walk(speed=0.0)
    camera = replace(good.camera, **change(good.camera))
    doubts = judge(replace(good, camera=replace(camera, travel="travels")), REST).clip.doubts
    assert any(word in doubt for doubt in doubts for word in words.split("|")), doubts


@pytest.mark.parametrize(("change", "words"), [
    ({"clip": {"size": (320, 180)}}, "outside of 320 x 180"),
    ({"clip": {"size": (360, 640)}}, "principal point (320, 180)"),
    ({"clip": {"fps": 150.0}}, "strides per second"),
    ({"clip": {"fps": FPS / 4}}, "slow motion? If the camera recorded more than 6.25 frames a second, say how many"),
    ({"body": {"betas": torch.full((10,), 40.0)}}, "40 standard deviations"),
    ({"observations": {"valid": torch.arange(FRAMES) == 3}}, "seen in 1 of 40 frames"),
])  # fmt: skip
def test_what_is_hardly_there_or_too_fast_or_too_slow_is_told(change, words):
    good = walk()
    parts = {part: replace(getattr(good, part), **fields) for part, fields in change.items()}
    doubts = judge(replace(good, **parts), REST).clip.doubts
    assert any(words in doubt for doubt in doubts), doubts


@pytest.mark.parametrize(("rows", "words"), [
    (torch.zeros(FRAMES).long(), "the keypoints stand still in 100% of the frames"),
    (torch.arange(FRAMES).flip(0), "in the other direction of time"),
    ((torch.arange(FRAMES) + 6).clamp(max=FRAMES - 1), "6 frames late"),
])  # fmt: skip
def test_other_clocks_are_told_through_the_noise_of_detectors(rows, words):
    """A walk on the spot: nothing but the limbs tells the time."""
    good = walk(speed=0.0)
    good = replace(good, body=replace(good.body, body_pose=walk().body.body_pose))
    pixels = project(joints_in_camera(good, REST), good.camera.focal, good.camera.centre)
    points = good.observations.keypoints.clone()
    noise = torch.from_numpy(np.random.default_rng(0).normal(0, 3, (FRAMES, 17, 2))).float()
    for index, name in enumerate(COCO17):
        points[:, index, :2] = pixels[:, JOINT.get(name, JOINT["head"])]
    points[..., :2] += noise
    try:
        told = str(judge(with_points(good, points[rows]), REST).clip.doubts)
    except BadInput as error:
        told = str(error)
    assert words in told


def test_a_turn_in_one_frame_is_told_and_a_fast_spin_is_not(caplog):
    good = walk()
    spun = good.body.global_orient.clone()
    spun[20:25] = spun[20:25] @ axis_angle_to_matrix(torch.tensor([0.0, np.pi * 0.9, 0.0]))
    found = judge(replace(good, body=replace(good.body, global_orient=spun)), REST)
    assert any("frames 20, 25" in doubt for doubt in found.clip.doubts)
    spin = axis_angle_to_matrix(torch.stack([torch.zeros(FRAMES), torch.arange(FRAMES) * 0.5, torch.zeros(FRAMES)], -1))
    body = replace(good.body, global_orient=good.body.global_orient @ spin)
    points = replace(good, body=body)
    pixels = project(joints_in_camera(points, REST), good.camera.focal, good.camera.centre)
    seen = good.observations.keypoints.clone()
    for index, name in enumerate(COCO17):
        seen[:, index, :2] = pixels[:, JOINT.get(name, JOINT["head"])]
    assert judge(with_points(points, seen), REST).clip.doubts == ()


def lying_trunk(evidence) -> torch.Tensor:
    joints = joints_in_camera(evidence, REST)
    return torch.nn.functional.normalize(joints[:, JOINT["neck"]] - joints[:, JOINT["pelvis"]], dim=-1)


def test_lying_people_are_told_where_the_vertical_is_theirs():
    lying = walk(angle=np.pi / 2 + 0.1)
    assert any("the trunk lies" in doubt for doubt in judge(lying, REST).clip.doubts)
    sure, level_up, trunk = torch.full((FRAMES,), 0.03**2), lying.camera.R[..., 1], lying_trunk(lying)
    for up, doubted in ((level_up, True), (trunk, False)):  # lines along the trunk: the image is turned, not the person
        told = replace(lying, camera=replace(lying.camera, up=up, up_var=sure))
        assert any("the trunk lies" in doubt for doubt in judge(told, REST).clip.doubts) == doubted
    level = replace(lying, camera=replace(lying.camera, level=True))
    assert any("vertical z" in doubt for doubt in judge(level, REST).clip.doubts)


@pytest.mark.parametrize(("sd", "said"), [(0.05, True), (0.5, False)])
def test_a_camera_that_looks_straight_down_is_told(sd, said):
    good = walk()
    up = torch.tensor([0.0, -0.2, -0.98]).expand(FRAMES, 3)
    below = replace(good, camera=replace(good.camera, up=up, up_var=torch.full((FRAMES,), sd**2)))
    assert any("looks down by 7" in doubt for doubt in judge(below, REST).clip.doubts) == said


@pytest.mark.parametrize(("part", "change", "key"), [
    ("clip", {"fps": 0.01}, "fps"),
    ("camera", {"focal": torch.full((FRAMES, 2), 3.0)}, "focal"),
    ("camera", {"t": torch.full((FRAMES, 3), 1e9)}, "cam_t"),
    ("body", {"betas": torch.full((10,), 1e4)}, "init_betas"),
])  # fmt: skip
def test_what_nobody_and_no_camera_does_is_refused(part, change, key):
    good = walk()
    with pytest.raises(BadInput, match=key):
        judge(replace(good, **{part: replace(getattr(good, part), **change)}), REST)


def test_a_picture_that_is_upside_down_is_told_with_the_remedy():
    half = torch.diag(torch.tensor([-1.0, -1.0, 1.0]))
    good = walk()
    body = replace(good.body, global_orient=half @ good.body.global_orient, transl=good.body.transl @ half)
    camera = replace(good.camera, R=half @ good.camera.R, t=good.camera.t @ half)
    turned = moved(replace(good, body=body, camera=camera), lambda points: torch.tensor(SIZE) - points)
    (doubt,) = judge(turned, REST).clip.doubts
    assert "upside down in the picture" in doubt and "vflip" in doubt
