"""Videos as people bring them: rates, rotation, parts, folders of images, damage."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from diffopt_core.data.window import cut
from diffopt_core.errors import BadInput, DiffOptError
from diffopt_core.host.testing import DatasetContract, make_clip
from diffopt_core.parts.datasets.configs import VideoConfig
from diffopt_core.perception.perceive import _missing
from diffopt_core.perception.video import focal_pixels, probe, read_frames, reduced_size
from diffopt_core.perception.video.decode import combed
from diffopt_core.types import Clip, Video
from diffopt_formats.frames import Rows, place, source_of
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from video_cases import HEIGHT, WIDTH, image, number_of, turn, write_video


class TestVideo(DatasetContract):
    name = "video"

    def sample(self, folder: Path) -> Path:
        return write_video(folder / "walk.mp4", 6)


def load(path: Path, **options) -> Clip:
    return VideoConfig(**options).build(None).load(path)


def frames(clip: Clip, longest: int | None = None) -> list[np.ndarray]:
    assert clip.video is not None
    return list(read_frames(clip.video, longest))


def test_every_frame_in_order_at_the_files_rate(tmp_path):
    clip = load(write_video(tmp_path / "a.mp4", 20, fps=24))
    assert (clip.num_frames, clip.size, clip.name) == (20, (WIDTH, HEIGHT), "a")
    assert clip.fps == pytest.approx(24, rel=1e-3)
    assert [number_of(frame) for frame in frames(clip)] == list(range(20))


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_frames_are_upright(tmp_path, degrees):
    clip = load(turn(write_video(tmp_path / "a.mp4", 4), degrees))
    upright = np.rot90(image(2), -degrees // 90)
    assert clip.size == (upright.shape[1], upright.shape[0])
    got = frames(clip)[2].astype(int)
    assert got.shape == upright.shape and np.abs(got - upright).mean() < 8


def test_a_variable_rate_becomes_an_even_one(tmp_path, caplog):
    times = np.concatenate([np.arange(10) / 30, 10 / 30 + np.arange(10) / 10])  # 30 fps, then 10
    clip = load(write_video(tmp_path / "a.mp4", 20, times=times))
    assert "variable frame rate" in caplog.text
    shown = [number_of(frame) for frame in frames(clip)]
    assert shown == list(clip.video.frames) and (np.diff(shown) >= 0).all()
    when = np.arange(clip.num_frames) / clip.fps
    assert np.abs(times[shown] - when).max() < 0.051  # never further than half the longest frame
    assert clip.facts["variable_rate"]["repeated"] > 0


def test_part_and_resampling_take_the_right_frames(tmp_path):
    whole = load(write_video(tmp_path / "a.mp4", 24, fps=24))
    part = cut(whole, 4, 20, None, 12.0)
    assert part.fps == pytest.approx(12) and [number_of(f) for f in frames(part)] == list(range(4, 20, 2))
    slow = cut(whole, 0, None, 96.0, 24.0)  # slow motion: the true rate is four times the file's
    assert slow.fps == pytest.approx(24) and slow.video.frames == tuple(range(0, 24, 4))
    with pytest.raises(DiffOptError, match="resampling to 60 fps"):
        cut(whole, 0, None, None, 60.0)


@given(st.integers(3, 60), st.floats(10, 120), st.floats(0.2, 1.0))
def test_resampling_keeps_time(count, fps, share):
    clip = Clip("a", None, fps, (8, 8), count, video=Video(Path("a"), tuple(range(count)), (8, 8)))
    try:
        kept = cut(clip, 0, None, None, fps * share)
    except DiffOptError:
        assert count * share < 4
        return
    when = np.array(kept.video.frames) / fps
    assert np.abs(when - np.arange(kept.num_frames) / kept.fps).max() <= 0.5 / fps + 1e-9


def test_folder_of_images(tmp_path):
    for number in range(12):  # 10 comes after 9, not after 1
        Image.fromarray(image(number)).save(tmp_path / f"{number}.png")
    clip = load(tmp_path)
    assert [number_of(frame) for frame in frames(clip)] == list(range(12))
    assert clip.fps == 30 and clip.facts["fps_from"].startswith("assumed")
    assert load(tmp_path, image_fps=24).fps == 24
    Image.fromarray(image(0)[:-2]).save(tmp_path / "5.png")
    with pytest.raises(BadInput, match=r"5\.png: size"):
        frames(load(tmp_path))


def test_a_gap_in_a_folder_is_named_and_stays_one(tmp_path, caplog):
    """Other systems' dot files are no images; names in steps of 10 are frames in a row."""
    for number in (10, 20, 30, 60, 70):
        Image.fromarray(image(number // 10)).save(tmp_path / f"{number}.png")
    (tmp_path / "._10.png").write_bytes(b"attributes")
    clip = load(tmp_path)
    assert clip.num_frames == 7 and clip.video.missing == (3, 4) and "2 of 7 frames have no image" in caplog.text
    assert [number_of(frame) for frame in frames(clip)] == [1, 2, 3, 3, 3, 6, 7]


def test_nobody_is_seen_in_a_gap():
    from diffopt_core.perception.perceive import _missing

    clip = replace(make_clip(4), video=Video(Path("f"), (0, 1, 2, 3), (8, 8), missing=(2,)))
    assert _missing(clip).tolist() == [False, False, True, False] and _missing(make_clip(4)) is None


def test_what_decodes_is_counted(tmp_path, caplog):
    """A file that is cut off within a frame: the frames before are a clip, with a notice."""
    path = write_video(tmp_path / "a.mkv", 60)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    clip = load(path)
    shown = frames(clip)
    assert 10 < clip.num_frames == len(shown) < 60
    assert [number_of(frame) for frame in shown[:-1]] == list(range(clip.num_frames - 1))


def test_a_file_whose_end_is_lost_is_as_long_as_it_says(tmp_path, caplog):
    """What others made of the whole video has a row for each of its frames."""
    whole = write_video(tmp_path / "a.mp4", 60, options={"movflags": "faststart"})
    data = whole.read_bytes()
    whole.write_bytes(data[: (len(data) + data.index(b"mdat")) // 2])
    clip = load(whole)
    assert 5 < clip.num_frames < 60 and clip.video.length == 60 and "of 60 frames cannot be decoded" in caplog.text
    source = source_of(clip)
    np.testing.assert_array_equal(place(Rows(whole, 60), source), np.arange(60))
    np.testing.assert_array_equal(place(Rows(whole, clip.num_frames), source), np.arange(clip.num_frames))


def test_focal_length_of_an_image_with_exif(tmp_path):
    exif = Image.Exif()
    exif[0x8769] = {0xA405: 35}
    for number in range(3):
        Image.fromarray(image(number)).save(tmp_path / f"{number}.jpg", exif=exif)
    clip = load(tmp_path)
    assert clip.focal == pytest.approx(35 / 43.267 * math.hypot(WIDTH, HEIGHT), rel=1e-4)
    assert clip.focal_from == "the video's metadata"


def test_reduced_frames_show_the_same(tmp_path):
    clip = load(write_video(tmp_path / "a.mp4", 5, size=(128, 96)))
    small = frames(clip, 64)
    assert small[0].shape == (48, 64, 3)
    whole = frames(clip)[3].reshape(48, 2, 64, 2, 3).mean((1, 3))
    assert np.abs(small[3] - whole).mean() < 4
    assert reduced_size((1920, 1080), 960) == (960, 540) and reduced_size((64, 48), 100) == (64, 48)


@pytest.mark.parametrize("content", [b"", b"not a video at all", b"\0" * 4096])
def test_damaged_files(tmp_path, content):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"a\.mp4: (file|video): "):
        load(path)


def test_a_file_that_ends_early(tmp_path):
    path = write_video(tmp_path / "a.mkv", 40)
    video = load(path).video
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(BadInput, match=r"a\.mkv"):
        list(read_frames(video))


def test_a_sound_file_is_no_video(tmp_path):
    import av

    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(BadInput, match="no video stream"):
        probe(path)


@pytest.mark.parametrize(
    ("text", "pixels"),
    [("1200", 1200), ("1200px", 1200), ("50mm", 50 / 43.267 * 2202.9), ("90deg", 960), ("90FOV", 960)],
)
def test_focal_lengths(text, pixels):
    assert focal_pixels(text, (1920, 1080)) == pytest.approx(pixels, rel=1e-4)


@pytest.mark.parametrize("text", ["", "wide", "200deg", "12", "-5px", "1e9px"])
def test_focal_lengths_that_are_none(text):
    with pytest.raises(DiffOptError, match="--focal"):
        focal_pixels(text, (1920, 1080))


def test_a_variable_rate_loses_no_frame(tmp_path):
    times = np.cumsum([0, *[1 / 30, 1 / 30, 1 / 10] * 8])
    clip = load(write_video(tmp_path / "a.mp4", 25, times=times))
    assert clip.fps == pytest.approx(30, rel=0.01) and set(clip.video.frames) == set(range(25))
    again = np.diff(clip.video.frames) == 0
    missing = _missing(clip)
    assert missing is not None and missing[1:].tolist() == again.tolist()


def test_pixels_that_are_not_square(tmp_path, caplog):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for number in range(4):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image(number), format="rgb24")))
        container.mux(stream.encode())
    clip = load(path)
    assert clip.size == (86, 48) and "not square" in caplog.text
    bars = [np.flatnonzero(frame[:24].mean((0, 2)) > 150).mean() for frame in frames(clip)]
    assert np.allclose(np.diff(bars), 2 * 86 / 64, atol=1), "stretched, not cropped"


def test_images_of_16_bits_are_not_clipped(tmp_path):
    for number in range(3):
        Image.fromarray(np.tile(np.linspace(0, 65535, 32).astype(np.uint16), (24, 1))).save(tmp_path / f"{number}.png")
    row = frames(load(tmp_path))[0][0, :, 0].astype(int)
    assert row[0] == 0 and row[-1] == 255 and (np.diff(row) > 4).all()


@pytest.mark.parametrize("flagged", [True, False])
def test_an_interlaced_video_is_read_as_whole_pictures(tmp_path, caplog, flagged):
    """Two fields of a pattern that moves, woven: of each picture no rows stand out any more, and none is lost."""
    rng = np.random.default_rng(0)
    wide = np.kron(rng.integers(0, 255, (12, 60)), np.ones((16, 16))).astype(np.uint8)
    views = [np.repeat(wide[:, 6 * k : 6 * k + 320, None], 3, -1) for k in range(40)]
    woven = [view.copy() for view in views[::2]]
    for picture, other in zip(woven, views[1::2], strict=True):
        picture[1::2] = other[1::2]
    path = tmp_path / "woven.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "12", "x264-params": f"tff={int(flagged)}"})
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
        for picture in woven:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    read = [frame.astype(np.float32).mean(-1) for frame in frames(load(path))]
    assert "interlaced" in caplog.text and len(read) == 20
    assert combed([picture.astype(np.float32).mean(-1) for picture in woven]) and not combed(read)
