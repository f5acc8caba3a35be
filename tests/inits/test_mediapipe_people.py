"""Survey, linking and jumps of the detector ``mediapipe`` as plain functions of boxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from diffopt_core.errors import BadInput
from diffopt_core.types import Clip, Video
from diffopt_inits.mediapipe.chunks import LENGTH, WARM, plan, plan_close_up, still_to_do
from diffopt_inits.mediapipe.follow import (
    Person,
    around,
    between,
    boxes_of,
    link,
    looks,
    paint,
    pick,
    pieces,
    right_person,
)
from hypothesis import given, settings
from hypothesis import strategies as st

SIZE = (640, 480)
#: Not judged by time: the machine may be busy.
QUICK = settings(deadline=None, max_examples=50)


def boxes(x, y=240.0, height=200.0) -> np.ndarray:
    """Boxes of people that stand at ``x``, px."""
    x = np.asarray(x, dtype=np.float64)
    half = height / 2
    return np.stack([x - half / 2, np.full_like(x, y - half), x + half / 2, np.full_like(x, y + half)], -1)


def clip(count: int = 100, person: str = "largest") -> Clip:
    video = Video(Path("film.mp4"), tuple(range(10, 10 + count)), SIZE)
    return Clip("film", video.path, 25.0, SIZE, count, video=video, person=person)


@QUICK
@given(st.integers(1, 20000), st.floats(5, 240), st.integers(3, 300))
def test_looks_lie_in_the_clip(count: int, fps: float, most: int):
    frames = looks(count, fps, 1.0, most)
    assert 1 <= len(frames) <= most and frames[0] >= 0 and frames[-1] < count
    assert (np.diff(frames) > 0).all() and len(frames) >= min(3, count)


@QUICK
@given(st.integers(1, 4), st.integers(4, 12), st.floats(-40, 40), st.randoms())
def test_people_who_keep_apart_keep_their_numbers(people: int, looked: int, speed: float, random):
    """The order in which a frame's boxes come says nothing; the numbers go from left to right."""
    frames, found, truth = [], [], []
    for i in range(looked):
        order = list(range(people))
        random.shuffle(order)
        for who in order:
            frames.append(10 * i)
            found.append(boxes([400.0 * who + speed * i])[0])
            truth.append(who)
    tracks = link(np.array(frames), np.array(found))
    assert [track.name for track in tracks] == [str(i + 1) for i in range(people)]
    for who, track in enumerate(tracks):
        np.testing.assert_allclose(track.boxes, boxes(400.0 * who + speed * np.arange(looked)))


def test_a_single_sighting_is_left_out_unless_there_is_nothing_else():
    many = link(np.array([0, 10, 20, 20, 30]), boxes([100, 105, 110, 560, 115]))
    assert len(many) == 1 and len(many[0].frames) == 4
    assert len(link(np.array([7]), boxes([100]))) == 1
    assert link(np.zeros(0, np.int64), np.zeros((0, 4))) == []


def test_tiny_ones_beside_somebody_tall_are_left_out():
    tall, tiny = boxes([300, 300], height=300), boxes([50, 50], height=40)
    people = link(np.array([0, 0, 1, 1]), np.stack([tall[0], tiny[0], tall[1], tiny[1]]))
    assert [person.name for person in people] == ["1"] and (people[0].boxes[:, 0] == 225).all()


def test_two_people_keep_their_numbers_where_one_is_found_in_part():
    """Of somebody large only the half is found once; that is no reason to take the neighbour for them."""
    large, small = boxes([100.0] * 6, height=400.0), boxes([300.0] * 6, height=240.0)
    large[4] = [60.0, 60.0, 140.0, 220.0]
    large[5] = large[4]
    tracks = link(np.repeat(np.arange(6), 2), np.stack([large, small], 1).reshape(-1, 4))
    assert [len(track.frames) for track in tracks if track.boxes[0, 0] > 200] == [6]


def test_somebody_much_larger_at_the_same_place_is_another():
    small, tall = boxes([300], height=90), boxes([300], height=300)
    assert len(link(np.array([0, 1, 2, 3]), np.concatenate([small, small, tall, tall]))) == 2


def two() -> list[Person]:
    looked = np.arange(5, 100, 10)
    return [
        Person("1", looked, boxes(np.full(10, 120.0), height=150)),
        Person("2", looked[:6], boxes(np.full(6, 480.0), height=260)),
    ]


@pytest.mark.parametrize(("person", "chosen"), [("largest", "2"), ("longest", "1"), ("1", "1"), ("2", "2")])
def test_choice(person: str, chosen: str):
    looked = np.arange(5, 100, 10)
    picked, facts = pick(two(), clip(person=person), looked, Path("film.mp4"))
    assert picked.name == chosen
    assert facts["share"] == {"1": 1.0, "2": 0.6} and facts["boxes"]["1"] == [82, 165, 158, 315]


def test_choice_of_nobody():
    with pytest.raises(BadInput, match=r"film.mp4: person: .*'3'.*1 .*2 "):
        pick(two(), clip(person="3"), np.arange(5, 100, 10), Path("film.mp4"))


def test_between_sightings():
    person = Person("1", np.array([10, 20]), boxes([100, 200]))
    path = between(person, 40)
    np.testing.assert_allclose(path[[0, 10, 15, 20, 39]], boxes([100, 100, 150, 200, 200]))


@QUICK
@given(st.floats(0, 15), st.integers(2, 60), st.integers(0, 59))
def test_steady_motion_is_one_piece(speed: float, count: int, hole: int):
    found = np.arange(count) != hole
    parts = pieces(boxes(speed * np.arange(count)), found)
    assert len(parts) <= 1
    assert sum(map(len, parts)) == found.sum()


def test_a_switch_to_a_bystander_is_not_valid():
    """Frames 40 to 59 show somebody else; the survey saw both all the time."""
    looked = np.arange(5, 100, 10)
    mine, other = (Person(n, looked, boxes(np.full(10, x))) for n, x in (("1", 120.0), ("2", 480.0)))
    x = np.where((np.arange(100) >= 40) & (np.arange(100) < 60), 480.0, 120.0)
    right = right_person(boxes(x), np.ones(100, bool), mine, [other])
    np.testing.assert_array_equal(right, x == 120.0)


def test_a_switch_after_the_person_left_is_not_valid():
    """From frame 50 on only the other one is there, and the tracker follows them."""
    looked = np.arange(5, 100, 10)
    mine, other = Person("1", looked[:5], boxes(np.full(5, 120.0))), Person("2", looked, boxes(np.full(10, 480.0)))
    x = np.where(np.arange(100) < 50, 120.0, 480.0)
    np.testing.assert_array_equal(right_person(boxes(x), np.ones(100, bool), mine, [other]), x == 120.0)


def test_a_glitch_is_not_valid_and_costs_no_more():
    person = Person("1", np.arange(5, 100, 10), boxes(np.full(10, 120.0)))
    x = np.full(100, 120.0)
    x[[33, 34]] = 520.0
    right = right_person(boxes(x), np.ones(100, bool), person, [])
    assert right.sum() == 98 and not right[33:35].any()


@QUICK
@given(st.floats(-10, 10), st.integers(30, 120))
def test_one_person_alone_is_right_throughout(speed: float, count: int):
    looked = looks(count, 30.0, 1.0, 30)
    x = 300 + speed * np.arange(count)
    person = Person("1", looked, boxes(x[looked]))
    assert right_person(boxes(x), np.ones(count, bool), person, []).all()


def test_boxes_of_visible_points():
    points = np.zeros((2, 33, 4))
    points[0, :5] = [[10, 20, 0, 1], [50, 60, 0, 0.9], [30, 30, 0, 0.8], [20, 25, 0, 0.7], [5000, 1, 0, 1.0]]
    points[1, :3] = [10, 20, 0, 1.0]
    found, enough = boxes_of(points, SIZE)
    np.testing.assert_array_equal(enough, [True, False])
    np.testing.assert_allclose(found[0], [10, 20, 50, 60])


def test_bystanders_are_painted_where_they_were_seen():
    masks = np.zeros((40, 48, 64), bool)
    person = Person("2", np.array([10, 20]), boxes([320, 320], height=100))
    painted = paint(masks, around([person], len(masks), gap=5), SIZE)
    assert painted[[5, 10, 15, 20, 25]].any((1, 2)).all() and not painted[[0, 4, 26, 39]].any()
    assert painted[10, 24, 32] and not painted[10, 24, 10] and not masks.any()


@QUICK
@given(st.integers(1, 2000))
def test_chunks_cover_each_frame_once(count: int):
    chunks = plan(count, Path("nowhere"))
    assert [frame for chunk in chunks for frame in range(chunk.start, chunk.end)] == list(range(count))
    assert all(chunk.warm == max(0, chunk.start - WARM) for chunk in chunks)
    assert all(chunk.end - chunk.start <= 1.5 * LENGTH for chunk in chunks)


@QUICK
@given(st.integers(1, 900), st.floats(-3, 3), st.floats(20, 150))
def test_close_ups_cover_each_frame_and_the_person(count: int, speed: float, height: float):
    where = boxes(320 + speed * np.arange(count), height=height)
    chunks = plan_close_up(where, SIZE, Path("nowhere"))
    assert [frame for chunk in chunks for frame in range(chunk.start, chunk.end)] == list(range(count))
    for chunk in chunks:
        assert chunk.region is not None
        x0, y0, x1, y1 = np.array(chunk.region) * [*SIZE, *SIZE]
        mine = where[chunk.warm : chunk.end]
        image = np.array([0, 0, *SIZE])
        assert (np.clip(mine[:, :2], 0, image[2:]) >= [x0 - 0.1, y0 - 0.1]).all()
        assert (np.clip(mine[:, 2:], 0, image[2:]) <= [x1 + 0.1, y1 + 0.1]).all()


def test_only_what_is_missing_is_asked_for(tmp_path):
    chunks = plan(1000, tmp_path)
    assert [(c.start, c.end) for c in chunks] == [(0, 300), (300, 600), (600, 1000)]
    chunks[1].path.touch()
    video = Video(Path("film.mp4"), tuple(range(50, 1050)), SIZE)
    cut, rows, needed = still_to_do(video, chunks)
    assert len(cut.frames) == 300 + 400 + WARM == len(needed)
    assert [row[:3] for row in rows] == [[0, 0, 300], [300, 310, 710]]
    assert cut.frames[310] == 650 and needed[310] == 600
