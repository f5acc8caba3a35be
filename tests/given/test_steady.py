"""Sides exchanged, bodies that face the wrong way and nonsense: found over time, undone, named; nothing else is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from diffopt_core.data.skeleton import LAYOUTS
from diffopt_core.host import recipe as recipes
from diffopt_core.host.registry import Registry
from diffopt_core.parts.demo_motion import write_demo
from diffopt_core.perception import facing, front, sides
from diffopt_core.perception.perceive import open_clip
from diffopt_core.perception.sequence import by_most
from diffopt_core.perception.steady import mended, spans
from diffopt_core.types import Clip, Observations
from goldens import beside
from hypothesis import given, settings
from hypothesis import strategies as st

QUICK = settings(deadline=None, max_examples=12, derandomize=True)
LIMBS = {
    "body": ("face", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"), "arms": ("shoulder", "elbow", "wrist"),
    "forearms": ("elbow", "wrist"), "legs": ("hip", "knee", "ankle"), "shins": ("knee", "ankle"),
}  # fmt: skip


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Clip:
    """The demonstration: 100 frames at 30 fps, first poses of a simulated regressor."""
    ctx = Registry.load().context()
    return open_clip(write_demo(tmp_path_factory.mktemp("demo") / "demo.npz"), recipes.parse({}), ctx)


@pytest.fixture(scope="module")
def rest() -> torch.Tensor:
    return Registry.load().context().build("body", "anny24").rest_joints(torch.zeros(1, 10))[0]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_has_its_pairs(layout):
    assert {"shoulder", "elbow", "wrist", "hip", "knee", "ankle"} <= set(sides.pairs_of(layout).part)


def exchanged(seen: Observations, limb: str, start: int, end: int) -> Observations:
    rows = np.zeros(len(seen.valid), bool)
    rows[start:end] = True
    which = {part: rows & (part in LIMBS[limb]) for part in LIMBS["body"]}
    solid = seen.landmarks
    if solid is not None:
        solid = sides.swap(solid, str(seen.landmark_layout), which)
    return replace(seen, keypoints=sides.swap(seen.keypoints, seen.layout, which), landmarks=solid)


def test_what_is_right_stays_the_same_objects(clip: Clip, rest, caplog) -> None:
    after, seen = mended(clip, clip.observations, rest)
    assert after is clip and seen is clip.observations and not caplog.text


@QUICK
@given(st.sampled_from(sorted(LIMBS)), st.integers(1, 99), st.sampled_from([1, 4, 12, 30]))
def test_exchanged_sides_are_found_and_undone(clip: Clip, rest, limb: str, start: int, length: int) -> None:
    """Bursts of up to a second; what is hidden or nearly coincides may stay, and one frame."""
    end = min(start + length, 100)
    _, seen = mended(clip, exchanged(clip.observations, limb, start, end), rest)
    pairs, true = sides.pairs_of(seen.layout), clip.observations.keypoints
    both = torch.minimum(true[:, pairs.left, 2], true[:, pairs.right, 2]) > sides.SEEN
    apart = (seen.keypoints - true)[:, pairs.left, :2].norm(dim=-1) * both
    wrong = (apart * 1.7 / torch.from_numpy(sides.extent(true.numpy())).float()[:, None] > 0.2).any(1)
    assert int(wrong.sum()) <= 1 and not wrong[[t for t in range(100) if not start - 1 <= t <= end]].any()


def test_a_body_that_faces_the_other_way_in_3d_is_turned_back(clip: Clip, rest) -> None:
    """Labels exchanged and depth mirrored, as detectors do it: both are undone, and said."""
    joints = facing.joints_of(facing.pose_of(clip.body), rest)
    names = sides.LAYOUTS["blazepose33"]
    solid = torch.zeros(100, 33, 4)
    for index, name in enumerate(names):
        if name in sides.JOINTS:
            solid[:, index] = torch.cat([joints[:, sides.JOINTS.index(name)], torch.ones(100, 1)], -1)
    seen = replace(clip.observations, landmarks=solid, landmark_layout="blazepose33")
    wrong = exchanged(seen, "body", 30, 42)
    wrong.landmarks[30:42, :, 2] *= -1
    _, found = mended(replace(clip, body=None), wrong, rest)
    assert found.facts["facing_turned"] == list(range(30, 42))
    torch.testing.assert_close(found.landmarks, seen.landmarks)


def blazepose(clip: Clip, rest: torch.Tensor) -> Observations:
    """The first poses' joints as BlazePose's points, with heels and toes, in 3D and in the image."""
    joints = facing.joints_of(facing.pose_of(clip.body), rest)
    names, at = sides.LAYOUTS["blazepose33"], {name: joints[:, i] for i, name in enumerate(sides.JOINTS)}
    for side in ("left", "right"):
        at[f"{side}_foot_index"] = at[f"{side}_foot"]
        at[f"{side}_heel"] = 2 * at[f"{side}_ankle"] - at[f"{side}_foot"] + torch.tensor([0.0, 0.08, 0.0])
    solid = torch.zeros(100, 33, 4)
    for index, name in enumerate(names):
        if name in at:
            solid[:, index] = torch.cat([at[name], torch.ones(100, 1)], -1)
    flat = solid[..., [0, 1, 3]].clone()
    flat[..., 1] -= 0.3 * solid[..., 2]  # what is farther away is seen higher
    flat[..., :2] = 960 + 300 * flat[..., :2]
    return Observations(flat, "blazepose33", torch.ones(100, dtype=torch.bool), solid, "blazepose33")


@pytest.mark.parametrize(("start", "end"), [(0, 100), (10, 90), (50, 100)])
def test_toes_and_trunk_tell_which_side_is_left(clip: Clip, rest, start: int, end: int) -> None:
    """Of a body whose sides are exchanged in most frames, in 3D too."""
    seen, alone = blazepose(clip, rest), replace(clip, body=None)
    assert mended(alone, seen, rest)[1] is seen
    after, found = mended(alone, exchanged(seen, "body", start, end), rest)
    torch.testing.assert_close(found.landmarks, seen.landmarks)
    torch.testing.assert_close(found.keypoints, seen.keypoints)
    assert not after.doubts


def test_without_toes_two_halves_are_made_one_and_doubted(clip: Clip, rest, caplog) -> None:
    alone = replace(clip, body=None)
    after, found = mended(alone, exchanged(clip.observations, "body", 40, 100), rest)
    assert found.facts["sides_undecided"] == list(range(40))  # the lesser part goes with the other
    assert "frames 0 to 39, or in all others" in after.doubts[0] and "nothing tells which" in caplog.text


def test_toes_in_an_image() -> None:
    names = sides.LAYOUTS["openpose25"]
    person = np.zeros((1, 25, 3))
    for side, x in (("left", 100.0), ("right", -100.0)):
        for part, y in (("shoulder", 0), ("hip", 300), ("heel", 700), ("big_toe", 720)):
            person[0, names.index(f"{side}_{part}")] = x, y, 1
    metre = np.array([1.7 / 800])
    assert front.in_image(person, "openpose25", metre, 0.3)[0] > 0.8  # faces the camera
    person[0, [names.index(f"{side}_big_toe") for side in ("left", "right")], 1] = 680
    assert front.in_image(person, "openpose25", metre, 0.3)[0] < -0.8
    assert front.in_image(person, "coco17", metre, 0.3)[0] == 0
    person[..., :2] = person[..., 1::-1]  # a turned image
    assert front.in_image(person, "openpose25", metre, 0.3)[0] == 0


@pytest.mark.parametrize("kind", [1, 2])
@pytest.mark.parametrize(("start", "end"), [(50, 51), (50, 55), (60, 90), (95, 100)])
def test_first_poses_that_turn_are_turned_back(clip: Clip, rest, kind: int, start: int, end: int, caplog) -> None:
    pose = facing.readings(facing.pose_of(clip.body))
    wrong = pose[0].clone()
    wrong[start:end] = pose[kind][start:end]
    body = replace(clip.body, global_orient=wrong[:, 0], body_pose=wrong[:, 1:])
    after, _ = mended(replace(clip, body=body), clip.observations, rest)
    torch.testing.assert_close(after.body.global_orient, clip.body.global_orient, atol=1e-5, rtol=0)
    torch.testing.assert_close(after.body.body_pose, clip.body.body_pose, atol=1e-5, rtol=0)
    assert f"face the wrong way in frames {spans(range(start, end))}; undone" in caplog.text


def test_a_stretch_of_nonsense_is_not_seen(clip: Clip, rest, caplog) -> None:
    points = clip.observations.keypoints.clone()
    draw = torch.Generator().manual_seed(0)
    points[40:60, :, :2] = 1000 * torch.rand(20, points.shape[1], 2, generator=draw)
    _, seen = mended(clip, replace(clip.observations, keypoints=points), rest)
    assert (~seen.valid).nonzero().flatten().tolist() == list(range(40, 60))
    assert "frames 40 to 59 fit nothing" in caplog.text and seen.facts["nonsense"] == list(range(40, 60))


@pytest.mark.parametrize("path", [*beside("faults/evidence/flip5.npz")])
def test_both_at_once(path, rest, caplog) -> None:
    """Keypoints exchanged and roots turned in the same frames, of a simulated case."""
    ctx = Registry.load().context()
    wrong, right = (open_clip(p, recipes.parse({}), ctx) for p in (path, path.parents[2] / "wild" / "case_05.npz"))
    after, seen = mended(wrong, wrong.observations, rest)
    torch.testing.assert_close(after.body.global_orient, right.body.global_orient, atol=1e-4, rtol=0)
    # a pair of which a point is hardly seen, or within a hand's breadth, may stay as it is
    true = right.observations.keypoints
    off = (seen.keypoints - true)[..., :2].norm(dim=-1) * (torch.minimum(seen.keypoints, true)[..., 2] > sides.SEEN)
    assert float((off / sides.extent(true.numpy())[:, None]).max()) < 0.1
    assert "exchanged in frames 50 to 54" in caplog.text and "wrong way in frames 50 to 54" in caplog.text


def test_runs_of_frames_as_text() -> None:
    assert spans([3]) == "3" and spans([1, 2, 3, 7]) == "1 to 3, 7"
    assert spans([1, 3, 5, 7, 9, 11]) == "1, 3, 5, 7 and 2 more"


def test_turns_are_against_most_frames_whichever_reading_moves_less(clip: Clip, rest) -> None:
    """Read as half-turned throughout a body moves as smoothly, or more so: single frames are turned as most are."""
    assert by_most(np.array([1, 1, 0, 1, 2])).tolist() == [0, 0, 1, 0, 2]
    assert by_most(np.array([0, 0, 2, 0])).tolist() == [0, 0, 2, 0]


def test_first_poses_tell_the_sides_of_most_frames(clip: Clip, rest) -> None:
    _, found = mended(clip, exchanged(clip.observations, "body", 5, 95), rest)
    assert "sides_undecided" not in found.facts
    pairs, true = sides.pairs_of(found.layout), clip.observations.keypoints
    both = torch.minimum(true[:, pairs.left, 2], true[:, pairs.right, 2]) > sides.SEEN
    wrong = ((found.keypoints - true)[:, pairs.left, :2].norm(dim=-1) * both) > 0.2 * 300
    assert float(wrong.float().mean()) < 0.02
