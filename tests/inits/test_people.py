"""Linking detections to tracks, choosing one, and fitting rows of a file to the frames of a clip."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from diffopt_core.errors import BadInput
from diffopt_formats.frames import Rows, place, source_of
from diffopt_inits.people import Detections, Track, boxes_of, check_keypoints, choose, link, observations_of
from hypothesis import given, settings
from hypothesis import strategies as st
from people_cases import clip_of, person, write_video


def detections(*people: np.ndarray, shuffle: int = 0) -> Detections:
    """People who are seen in every frame, in any order within it; rows of zero confidence are left out."""
    draw = np.random.default_rng(shuffle)
    frames = np.concatenate([np.arange(len(p)) for p in people])
    points = np.concatenate(people)
    seen = (points[..., 2] > 0).any(1)
    frames, points = frames[seen], points[seen]
    order = np.lexsort((draw.permutation(len(frames)), frames))
    return Detections(frames[order], points[order], boxes_of(points[order]))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 14))
def test_people_keep_their_identity_whatever_their_order_and_over_short_gaps(seed, gap):
    near, far = person(40, 17, 120, (10, 20), 1), person(40, 17, 60, (200, 60), 2)
    far[20 : 20 + gap, :, 2] = 0
    tracks = link(detections(near, far, shuffle=seed))
    assert len(tracks) == 2
    for truth in (near, far):
        seen = truth[..., 2].any(1)
        assert any(
            np.array_equal(t.keypoints, truth[seen]) and (t.frames == np.flatnonzero(seen)).all() for t in tracks
        )


def test_somebody_who_comes_back_late_is_somebody_new():
    points = person(60, 17, 80, (10, 20))
    points[10:40, :, 2] = 0
    assert [len(track.frames) for track in link(detections(points))] == [10, 20]


def test_the_person_asked_for(caplog):
    tracks = [
        Track("7", np.arange(4), person(4, 17, 200, (0, 0))),
        Track("9", np.arange(20), person(20, 17, 120, (100, 0))),
        Track("12", np.arange(30), person(30, 17, 30, (150, 0))),
    ]
    for wanted, name in (("largest", "9"), ("longest", "12"), ("7", "7")):
        track, facts = choose(tracks, clip_of(30, person=wanted), "file")
        assert track.name == name
        assert facts == {"id": name, "by": wanted, "among": {"7": 4, "9": 20, "12": 30}}
    assert "3 people; '9' is taken (largest, 20 of 30 frames), not 12 (30 frames), 7 (4 frames)" in caplog.text
    with pytest.raises(BadInput, match=r"no track is named '8'; expected one of 7 \(4 frames\), 9"):
        choose(tracks, clip_of(30, person="8"), "file")
    # what lies outside of the clip does not count
    late = replace(clip_of(1), num_frames=3)
    assert choose(tracks[:2], late, "file")[1]["among"] == {"7": 3, "9": 3}
    with pytest.raises(BadInput, match="no person is found"):
        choose([Track("1", np.array([50]), person(1, 17, 9, (0, 0)))], late, "file")


def test_frames_are_picked_by_their_number_in_the_video(tmp_path):
    points = person(30, 17, 80, (10, 20))
    track = Track("0", np.delete(np.arange(30), 14), np.delete(points, 14, 0))
    clip = clip_of(0, write_video(tmp_path / "v.mkv", 1), numbers=(10, 12, 14, 14, 16))
    seen = observations_of(track, clip, "coco17", {"a": 1})
    assert seen.valid.tolist() == [True, True, False, False, True] and seen.facts == {"a": 1}
    np.testing.assert_allclose(seen.keypoints[[0, 1, 4]], points[[10, 12, 16]], rtol=1e-6)
    assert (seen.keypoints[2] == 0).all()


def rows(count: int, **more) -> Rows:
    return Rows(Path("r.npy"), count, option="detector", **more)


def test_counts_are_compared_with_the_video(tmp_path, caplog):
    source = source_of(clip_of(0, write_video(tmp_path / "v.mkv", 10), numbers=tuple(range(0, 9, 2))))
    assert place(rows(10), source).tolist() == list(range(10)) and not caplog.text
    assert place(rows(9), source).tolist() == list(range(9))
    assert "9 frames, v.mkv has 10" in caplog.text
    for count in (7, 13):
        with pytest.raises(BadInput, match=rf"r\.npy: frames: {count} frames for 10 frames of the video"):
            place(rows(count), source)
    with pytest.raises(BadInput, match="6 frames for 5 frames"):
        place(rows(6), source_of(clip_of(5)))


def test_numbers_count_from_0_or_1_and_that_is_said(tmp_path, caplog):
    source = source_of(clip_of(0, write_video(tmp_path / "v.mkv", 10), numbers=tuple(range(10))))

    def placed(*numbers, **more):
        return place(rows(len(numbers), numbers=np.array(numbers)), source, **more).tolist()

    assert placed(0, 4, 9) == [0, 4, 9] and not caplog.text
    assert placed(1, 2, 10) == [0, 1, 9] and "count from 1" in caplog.text
    assert placed(*range(100, 110)) == list(range(10)) and "count from 100" in caplog.text
    assert placed(3, 5) == [3, 5] and "assumed to count from 0" in caplog.text
    assert placed(3, 5, first=3) == [0, 2]
    with pytest.raises(BadInput, match=r"frames 7 to 30, v\.mkv has 10.*first=N"):
        placed(7, 30)
    with pytest.raises(BadInput, match="do not increase"):
        placed(3, 3)


def test_times_that_fit_come_before_numbers_and_counts(tmp_path, caplog):
    path = write_video(tmp_path / "v.mkv", 10)
    source = source_of(clip_of(0, path, numbers=tuple(range(10))))
    times = np.array([0, 2, 4, 9]) / source.fps
    assert place(rows(4, seconds=times), source).tolist() == [0, 2, 4, 9] and not caplog.text
    assert place(rows(4, seconds=times + 1000), source).tolist() == [0, 2, 4, 9] and "start at 1000 s" in caplog.text
    assert place(rows(10, seconds=np.arange(10) * 0.7), source).tolist() == list(range(10))
    assert "rows are mapped by count" in caplog.text
    with pytest.raises(BadInput, match="do not match the 10 frames"):
        place(rows(4, seconds=np.arange(4) * 0.77), source)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda p: p[..., :2], r"shape \(4, 17, 2\), expected"),
        (lambda p: p.astype(object), "object values"),
        (lambda p: p * [np.nan, 1, 1], "not finite"),
        (lambda p: p * [1, 1, 90], "confidence up to 81"),
        (lambda p: p / [320, 240, 1], "expected pixels of the full image"),
    ],
)
def test_bad_keypoints(change, problem):
    with pytest.raises(BadInput, match=problem):
        check_keypoints(change(person(4, 17, 80, (10, 20))), 17, Path("f"), "k")


def test_absent_points_may_be_anything():
    points = person(4, 17, 80, (10, 20))
    points[:, 3] = [np.nan, -1, 0]
    points[:, 4] = np.nan
    points[:, 5, 2] = 1.02
    checked = check_keypoints(points, 17, Path("f"), "k")
    assert (checked[:, 3:5] == 0).all() and (checked[:, 5, 2] == 1).all()
