"""Where a video is cut, and where it is not."""

from __future__ import annotations

import numpy as np
import pytest
from diffopt_core.perception.video import shots as module
from diffopt_core.perception.video.dissolves import Dissolves
from diffopt_core.perception.video.shots import between, cuts_in, found_again, shots
from diffopt_core.types import Video
from PIL import Image

SIZE = (160, 96)


def view(seed: int) -> np.ndarray:
    """A large picture with texture of several sizes."""
    rng = np.random.default_rng(seed)
    out = np.zeros((300, 600))
    for cell in (6, 20):
        noise = rng.uniform(-1, 1, (300 // cell + 1, 600 // cell + 1))
        out += np.kron(noise, np.ones((cell, cell)))[:300, :600]
    return np.clip(128 + 50 * out, 0, 255)


def film(seed: int, count: int, speed: float = 2.0, start: int = 0) -> list[np.ndarray]:
    """A camera that pans over a view, with a square that goes its own way; noise as of a sensor."""
    wide, rng = view(seed), np.random.default_rng(seed + 99)
    frames = []
    for number in range(start, start + count):
        left = round(speed * number)
        image = wide[50 : 50 + SIZE[1], 20 + left : 20 + left + SIZE[0]].copy()
        image[40:80, (10 + number) % 120 : (10 + number) % 120 + 24] = view(77)[40:80, :24]
        image += rng.normal(0, 0.5, image.shape)
        frames.append(np.repeat(np.clip(image, 0, 255).astype(np.uint8)[..., None], 3, -1))
    return frames


def test_a_cut_is_where_the_view_changes():
    assert list(cuts_in([*film(1, 30), *film(2, 30), *film(3, 20)])) == [30, 60]


def test_a_jump_in_time_is_a_cut_in_the_same_view():
    assert list(cuts_in([*film(1, 30, 0), *film(1, 30, 0, start=50)])) == [30]


def flash(frames: list[np.ndarray]) -> list[np.ndarray]:
    for number in (20, 21, 24):
        frames[number] = np.full_like(frames[0], 250)
    return frames


def caption(frames: list[np.ndarray]) -> list[np.ndarray]:
    for frame in frames[25:]:
        frame[80:92, 20:140:3] = 255
    return frames


def darker(frames: list[np.ndarray]) -> list[np.ndarray]:
    return [frame if number < 25 else frame // 3 for number, frame in enumerate(frames)]


def stuck(frames: list[np.ndarray]) -> list[np.ndarray]:
    return [frames[20] if 20 <= number < 26 else frame for number, frame in enumerate(frames)]


@pytest.mark.parametrize("change", [list, flash, caption, darker, stuck], ids=lambda change: change.__name__)
@pytest.mark.parametrize("speed", [0.0, 2.0, 6.0])
def test_no_cut(change, speed):
    assert list(cuts_in(change(film(1, 50, speed)))) == []


def mixed(frames: list[np.ndarray]) -> list[tuple[int, int]]:
    found = Dissolves(found_again)
    assert len(list(found.watched(frames))) == len(frames)
    return found.spans


@pytest.mark.parametrize("speed", [0.0, 0.1])
@pytest.mark.parametrize("length", [10, 24, 60])
def test_a_dissolve_belongs_to_neither_shot(length, speed):
    before, after = film(1, 40 + length, speed), film(2, 40 + length, speed)
    share = np.linspace(0, 1, length + 2)[1:-1, None, None, None]
    mix = (1 - share) * np.array(before[40:], float) + share * np.array(after[:length], float)
    (span,) = mixed([*before[:40], *mix.round().astype(np.uint8), *after[length:]])
    some = 2 + length // 4  # frames that are lost, or hardly mixed
    assert abs(span[0] - 40) <= some and abs(span[1] - 40 - length) <= some
    frames = 80 + length
    assert between([], [span], frames) == [(0, span[0]), (span[1], frames)]
    assert between([span[0] + 3, 70 + length], [span], frames)[1:] == [(span[1], 70 + length), (70 + length, frames)]


@pytest.mark.parametrize("change", [list, flash, caption, darker, stuck], ids=lambda change: change.__name__)
@pytest.mark.parametrize("speed", [0.0, 2.0, 6.0])
def test_no_dissolve(change, speed):
    assert mixed(change(film(1, 60, speed))) == [] == mixed([*film(1, 30), *film(2, 30)])


def test_a_plain_or_tiny_picture_has_no_cut():
    grey = [np.full((96, 160, 3), 90, np.uint8)] * 30
    assert list(cuts_in(grey)) == [] and list(cuts_in([frame[:8, :8] for frame in grey])) == []
    assert mixed(grey) == [] == mixed([frame[:3, :3] for frame in grey])


def test_shots_cover_the_clip_and_are_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("DIFFOPT_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "images"
    folder.mkdir()
    for number, frame in enumerate([*film(1, 12), *film(2, 14)]):
        Image.fromarray(frame).save(folder / f"{number:03d}.png")
    video = Video(folder, tuple(range(26)), SIZE)
    assert shots(video, "content") == [(0, 12), (12, 26)]
    monkeypatch.setattr(module, "cuts_in", lambda frames: pytest.fail("decoded again"))
    assert shots(video, "content") == [(0, 12), (12, 26)]
